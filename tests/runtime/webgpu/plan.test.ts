import { describe, expect, it, test } from "vitest";
import { WebGpuError, checkPlan } from "../../../src/runtime/webgpu/index.ts";
import { tinyPlan, tinyShaders } from "./tiny.ts";

type Json = Record<string, unknown>;

/** A copy of the plan with something else at a path. */
function edited(path: string, value: unknown): unknown {
  const copy = structuredClone(tinyPlan) as unknown as Json;
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const at = keys.reduce<Json>((node, key) => node[key] as Json, copy);
  at[last] = value;
  return copy;
}

function refusal(plan: unknown): string {
  try {
    checkPlan(plan, tinyShaders);
  } catch (error) {
    if (error instanceof WebGpuError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "taken";
}

describe("a plan from outside", () => {
  it("is taken where it is sound", () => {
    expect(checkPlan(structuredClone(tinyPlan), tinyShaders)).toEqual(tinyPlan);
  });

  test.each<[string, unknown]>([
    ["weights", -1],
    ["weights", 1e300],
    ["weights", 255],
    ["arena", 1.5],
    ["arena", "1024"],
    ["arena", 512],
    ["inputs", {}],
    ["inputs.0.name", 1],
    ["inputs.0.dtype", "f64"],
    ["inputs.0.shape", [2, 0]],
    ["inputs.0.shape", [2 ** 30, 2 ** 30]],
    ["inputs.0.order", [0, 0]],
    ["inputs.0.order", [0]],
    ["inputs.0.order", [0, 2]],
    ["inputs.0.offset", -4],
    ["inputs.0.offset", 2],
    ["outputs.0.offset", 1020],
    ["outputs.1", null],
    ["outputs.1.name", "y"],
    ["steps", "none"],
    ["steps.0.shader", 2],
    ["steps.0.shader", -1],
    ["steps.0.grid", [1, 1]],
    ["steps.0.grid.0", 0],
    ["steps.0.grid.2", 65_536],
    ["steps.0.name", undefined],
    ["steps.0.bindings.0", [2, 0, 32]],
    ["steps.0.bindings.0", [0, 128, 32]],
    ["steps.0.bindings.0", [0, 256, 32]],
    ["steps.0.bindings.1", [1, 0, 1028]],
    ["steps.0.bindings.1", [1, 0, 30]],
    ["steps.0.bindings.1", [1, 0, 32, 0]],
    ["steps.0.bindings.1", [1, NaN, 32]],
    ["steps.1.shader", 0],
  ])("is refused where %s is %j", (path, value) => {
    expect(refusal(edited(path, value))).toMatch(/^artifact: plan\.json is wrong at /);
  });

  it.each([null, 3, "plan", [], {}])("is refused where it is %j", (plan) => {
    expect(refusal(plan)).toMatch(/^artifact: plan\.json is wrong at /);
  });
});
