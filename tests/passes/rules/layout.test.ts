import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import { symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";
import { layout } from "../../../src/passes/presets.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import { dropReshape } from "../../../src/passes/rules/drop-reshape.ts";
import { mergeReshapes } from "../../../src/passes/rules/merge-reshapes.ts";
import { mergeTransposes } from "../../../src/passes/rules/merge-transposes.ts";
import { transposeAsReshape } from "../../../src/passes/rules/transpose-as-reshape.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

const N = symbol("N");

/** What is built on an input [N, 3, 1, 5]. */
const moved = (build: (b: Builder, x: Value) => Readonly<Record<string, Value>>): Graph =>
  graphOf((on) => build(on("m"), on("x").input({ shape: [N, 3, 1, 5] })));

const toLast = [0, 2, 3, 1];
const toFirst = [0, 3, 1, 2];

describe("merge-transposes", () => {
  const pass = passOf(mergeTransposes);

  it("composes permutations", () => {
    const graph = moved((b, x) => ({ y: b.transpose(b.transpose(x, { perm: toLast }), { perm: [1, 0, 3, 2] }) }));
    expect(applied(graph, pass)).toEqual({ "merge-transposes": 1 });
    expect([...graph.values()].map((v) => v.attrs)).toContainEqual({ perm: [2, 0, 1, 3] });
    expect(body(graph)).toEqual(["input", "transpose"]);
  });

  it("leaves the inner transpose to its other users", () => {
    const graph = moved((b, x) => {
      const inner = b.transpose(x, { perm: toLast });
      return { y: b.transpose(inner, { perm: toFirst }), tap: inner };
    });
    expect(applied(graph, pass)).toEqual({ "merge-transposes": 1 });
    expect(graph.outputs.map(({ value }) => value.operands[0]?.op)).toEqual(["input", "input"]);
  });

  it("needs two", () => {
    const graph = moved((b, x) => ({ y: b.transpose(b.abs(x), { perm: toLast }) }));
    expect(reason(mergeTransposes, graph)).toBe("abs where transpose is wanted");
    expect(applied(graph, pass)).toEqual({ "merge-transposes": 0 });
  });
});

describe("merge-reshapes", () => {
  const pass = passOf(mergeReshapes);

  it("keeps the last shape", () => {
    const graph = moved((b, x) => ({ y: b.reshape(b.reshape(x, { shape: [N, 15] }), { shape: [N, 5, 3] }) }));
    expect(applied(graph, pass)).toEqual({ "merge-reshapes": 1 });
    expect(body(graph)).toEqual(["input", "reshape"]);
  });

  it("leaves the inner reshape to its other users", () => {
    const graph = moved((b, x) => {
      const flat = b.reshape(x, { shape: [N, 15] });
      return { y: b.reshape(flat, { shape: [N, 5, 3] }), tap: flat };
    });
    expect(applied(graph, pass)).toEqual({ "merge-reshapes": 1 });
    expect(body(graph)).toEqual(["input", "reshape", "reshape"]);
    expect(graph.outputs[0]?.value.operands[0]?.op).toBe("input");
  });

  it("needs two", () => {
    const graph = moved((b, x) => ({ y: b.reshape(b.abs(x), { shape: [N, 15] }) }));
    expect(reason(mergeReshapes, graph)).toBe("abs where reshape is wanted");
    expect(applied(graph, pass)).toEqual({ "merge-reshapes": 0 });
  });
});

describe("transpose-as-reshape", () => {
  const pass = passOf(transposeAsReshape);

  it.each([[[0, 2, 1, 3]], [[2, 0, 1, 3]], [[0, 1, 3, 2]], [[0, 1, 2, 3]]])(
    "only axes of extent 1 move: %j",
    (perm) => {
      const graph = moved((b, x) => ({ y: b.transpose(x, { perm }) }));
      expect(applied(graph, pass)).toEqual({ "transpose-as-reshape": 1 });
      expect(body(graph)).toEqual(["input", "reshape"]);
    },
  );

  it.each([
    [[0, 2, 3, 1], "axes 3 and 1 change their order"],
    [[1, 0, 2, 3], "axes 1 and 0 change their order"],
  ])("elements move: %j", (perm, why) => {
    const graph = moved((b, x) => ({ y: b.transpose(x, { perm }) }));
    expect(reason(transposeAsReshape, graph)).toBe(why);
    expect(applied(graph, pass)).toEqual({ "transpose-as-reshape": 0 });
  });
});

describe("drop-reshape", () => {
  const pass = passOf(dropReshape);

  it("drops a reshape to the shape that is there, under an output too", () => {
    const graph = moved((b, x) => ({
      y: b.reshape(b.abs(b.reshape(x, { shape: x.type.shape })), { shape: x.type.shape }),
    }));
    expect(applied(graph, pass)).toEqual({ "drop-reshape": 2 });
    expect(body(graph)).toEqual(["input", "abs"]);
  });

  it("keeps one that adds an axis", () => {
    const graph = moved((b, x) => ({ y: b.reshape(x, { shape: [...x.type.shape, 1] }) }));
    expect(reason(dropReshape, graph)).toBe("the shape becomes another");
    expect(applied(graph, pass)).toEqual({ "drop-reshape": 0 });
  });
});

describe("layout leaves nothing of", () => {
  it.each<readonly [string, (b: Builder, x: Value) => Value]>([
    ["a permutation and its inverse", (b, x) => b.transpose(b.transpose(x, { perm: toLast }), { perm: toFirst })],
    ["a permutation that changes nothing", (b, x) => b.transpose(x, { perm: [0, 1, 2, 3] })],
    ["a reshape there and back", (b, x) => b.reshape(b.reshape(x, { shape: [N, 15] }), { shape: x.type.shape })],
    ["a reshape to the same shape", (b, x) => b.reshape(x, { shape: x.type.shape })],
  ])("%s", (_, movement) => {
    const graph = moved((b, x) => ({ y: b.abs(movement(b, x)), z: movement(b, x) }));
    applied(graph, layout);
    expect(body(graph)).toEqual(["input", "abs"]);
    expect(graph.outputs[1]?.value.op).toBe("input");
  });
});

it("the head of convnext: a norm around pooled features needs no copy", () => {
  const graph = graphOf((on) => {
    const x = on("x").input({ shape: [N, 4, 1, 1] });
    const b = on("norm");
    const normed = b.layer_norm(b.transpose(x, { perm: toLast }), undefined, undefined, { eps: 1e-6 });
    return { y: b.reshape(b.transpose(normed, { perm: toFirst }), { shape: [N, 4] }) };
  });
  applied(graph, layout);
  expect(body(graph)).toEqual(["input", "reshape", "layer_norm", "reshape"]);
});
