import fs from "node:fs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, it, vi } from "vitest";
import { loadWebGpu } from "../../src/runtime/webgpu-node.ts";
import { shaderModule } from "../../src/runtime/webgpu-shaders.ts";
import { describeOnGpu } from "../webgpu-device.ts";
import { tinyInput, tinyOutputs, tinyPlan, tinyShaders, tinyWeights } from "./webgpu/tiny.ts";

const { opened } = vi.hoisted(() => ({ opened: [] as { readonly destroyed: boolean }[] }));
vi.mock("node:fs", async (original) => {
  const own = await original<typeof fs>();
  const createReadStream = (...given: Parameters<typeof fs.createReadStream>): fs.ReadStream => {
    const stream = own.createReadStream(...given);
    opened.push(stream);
    return stream;
  };
  return { ...own, createReadStream };
});
beforeEach(() => {
  opened.length = 0;
});

const folder = mkdtempSync(join(tmpdir(), "timmc-webgpu-"));
afterAll(() => rmSync(folder, { recursive: true }));

function filesOf(plan: unknown, shaders: readonly string[]) {
  const files = { plan: join(folder, "plan"), shaders: join(folder, "shaders"), weights: join(folder, "weights") };
  writeFileSync(files.plan, JSON.stringify(plan));
  writeFileSync(files.shaders, shaderModule(shaders));
  writeFileSync(files.weights, tinyWeights());
  return files;
}

describeOnGpu("the files of a model", () => {
  it("run", async () => {
    const session = await (await loadWebGpu()).open(filesOf(tinyPlan, tinyShaders));
    const { dims, data } = tinyInput;
    const outputs = await session.run({ dtype: "u8", shape: dims, data });
    expect(outputs.get("y")?.data).toEqual(tinyOutputs.y.data);
    await session.close();
    expect(opened.map((stream) => stream.destroyed)).toEqual([true]);
  });

  it("are closed where the device does not take them, and weights not opened for a damaged plan", async () => {
    const { open } = await loadWebGpu();
    await expect(open(filesOf({ ...tinyPlan, arena: 4 }, tinyShaders))).rejects.toThrow(/plan\.json is wrong at/);
    expect(opened).toEqual([]);
    await expect(open(filesOf(tinyPlan, ["fn a() {}", "fn b() {}"]))).rejects.toThrow(/does not take a shader/);
    await expect(open(filesOf({ ...tinyPlan, arena: 2 ** 39 }, tinyShaders))).rejects.toThrow(
      /does not load the model/,
    );
    expect(opened.map((stream) => stream.destroyed)).toEqual([true, true]);
  });
});
