import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { formatNpy, readNpy } from "../../src/runtime/npy.ts";
import { temporaryFolder } from "../driver/workspace.ts";
import { describeOnGpu } from "../webgpu-device.ts";
import { cli, cliJson } from "./run-cli.ts";

const at = temporaryFolder();

describeOnGpu("the commands on a WebGPU artifact", () => {
  const model = ["test_resnet", "--weights", "synthetic", "--input-size", "3,32,32", "--taps", "features.0,features.1"];

  beforeAll(async () => {
    const { status, out, err } = await cli(["compile", ...model, "-o", at("web"), "--target", "webgpu", "--verify"]);
    expect(err).not.toMatch(/ONNX nodes/);
    expect(out).toMatch(
      /target +webgpu, fp32\nkernels +\d+ a run, \d+ different\nmemory +\S+ \S+ beside the weights\n/,
    );
    expect(out).toMatch(/passed: 2 outputs in 5 comparisons each\n$/);
    expect(status).toBe(0);
  }, 120_000);

  test("run feeds a raw input and saves what comes out", async () => {
    const data = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.cos(i));
    writeFileSync(at("x.npy"), formatNpy({ dtype: "f32", shape: [1, 3, 32, 32], data }));
    const report = await cliJson("run", at("web"), "--tensor", at("x.npy"), "--save", at("saved"));
    expect(report).toMatchObject({ outputs: [{ name: "features.0", file: "features.0.npy" }, { name: "features.1" }] });
    expect(readNpy(join(at("saved"), "features.1.npy")).shape).toEqual([1, 32, 8, 8]);
    const wrong = await cli(["run", at("web"), "--tensor", join(at("saved"), "features.1.npy")]);
    expect(wrong.status).toBe(2);
    expect(wrong.err).toMatch(/the artifact takes f32\[1,3,32,32\]/);
  });

  test("bench times it beside an ONNX artifact, and its kernels", async () => {
    expect((await cli(["compile", ...model, "-o", at("onnx")])).status).toBe(0);
    const { out, status } = await cli(["bench", at("onnx"), at("web"), "--runs", "1", "--profile"]);
    expect(status).toBe(0);
    expect(out).toMatch(/^artifact +model +level +target +operators +opset +input +batch /);
    expect(out).toMatch(/ webgpu +- +- +f32\[N,3,\d+,\d+\] +1 /);
    expect(out).toMatch(/\nonnxruntime-node \S+, webgpu \S+ on .*, 1 run each/);
    expect(out).toMatch(/\nits runtime does not time kernels\n/);
    expect(out).toMatch(/\nkernel +ms +share\n|\nits runtime does not time kernels\n$/);
  });
});
