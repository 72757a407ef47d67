import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it, test, vi } from "vitest";
import type { ThreadKernel } from "../../src/backends/kernel/thread.ts";
import { bench } from "../../src/driver/bench.ts";
import type { CompileRequest } from "../../src/driver/compile.ts";
import { inspect } from "../../src/driver/inspect.ts";
import { pipelineOf } from "../../src/driver/pipeline.ts";
import { numbersOf } from "../../src/driver/run-report.ts";
import { runImages, runTensor } from "../../src/driver/run.ts";
import { budgets } from "../../src/driver/verify-compare.ts";
import { verify } from "../../src/driver/verify.ts";
import { passOf } from "../../src/passes/rewriting.ts";
import { type NpyArray, formatNpy, readNpy } from "../../src/runtime/npy.ts";
import { describeOnGpu } from "../webgpu-device.ts";
import { dropConvBias } from "./broken-rules.ts";
import { compileTiny, pictures, refusal, shapesModel, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();
const target = "webgpu";

/** What the printer makes of a kernel, where a test wants it wrong. */
const sabotage = vi.hoisted((): { of?: (text: string, kernel: ThreadKernel) => string } => ({}));
vi.mock("../../src/backends/webgpu/print.ts", async (original) => {
  const { printWgsl, ...others } = await original<typeof import("../../src/backends/webgpu/print.ts")>();
  return {
    ...others,
    printWgsl: (kernel: ThreadKernel, weights: Parameters<typeof printWgsl>[1]) => {
      const text = printWgsl(kernel, weights);
      return sabotage.of?.(text, kernel) ?? text;
    },
  };
});
afterEach(() => {
  delete sabotage.of;
});

const compileSmall = (out: string, request: Partial<CompileRequest> = {}, ...more: [ReturnType<typeof pipelineOf>?]) =>
  compileTiny(out, { target, inputSize: [3, 32, 32], ...request }, ...more);

const bytesIn = (folder: string, file: string): Buffer => readFileSync(join(folder, file));

/** Writes a file of an artifact anew, and what the manifest says of it. */
function replace(folder: string, file: string, bytes: Uint8Array): void {
  writeFileSync(join(folder, file), bytes);
  const path = join(folder, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as {
    files: { path: string; bytes: number; sha256: string }[];
  };
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const files = manifest.files.map((f) => (f.path === file ? { path: file, bytes: bytes.length, sha256 } : f));
  writeFileSync(path, JSON.stringify({ ...manifest, files }));
}

describe("a WebGPU artifact", () => {
  it("has its files, a manifest of the same form, and the same bytes each time", async () => {
    const manifest = await compileSmall(at("once"));
    await compileSmall(at("twice"));
    const names = ["weights.bin", "plan.json", "model.wgsl.js", "index.js", "index.d.ts", "package.json"];
    expect(manifest.files.map((f) => f.path)).toEqual(names);
    for (const name of [...names, "manifest.json"])
      expect(bytesIn(at("twice"), name)).toEqual(bytesIn(at("once"), name));
    expect(manifest.target).toMatchObject({ name: "webgpu", model: "plan.json" });
    expect(manifest.request).toMatchObject({ batch: 1, onnx_ops: null });
    expect(manifest.input.shape).toEqual([1, 3, 32, 32]);
    expect(manifest.outputs[0]?.shape).toEqual([1, 1000]);
    expect(manifest.graph.onnx_nodes).toBeNull();
    expect(manifest.graph.weight_bytes.after).toBe(bytesIn(at("once"), "weights.bin").length);
  });

  it("takes the place of an ONNX artifact and gives it back, without leftovers", async () => {
    await compileTiny(at("changed"), { inputSize: [3, 32, 32] });
    await compileSmall(at("changed"));
    expect(() => bytesIn(at("changed"), "model.onnx")).toThrow(/ENOENT/);
    await compileTiny(at("changed"), { inputSize: [3, 32, 32] });
    for (const name of ["plan.json", "model.wgsl.js", "weights.bin"])
      expect(() => bytesIn(at("changed"), name)).toThrow(/ENOENT/);
  });

  it("has no weights where none are asked for, and says so", async () => {
    const { files } = await compileSmall(at("none"), { weights: "none" });
    expect(files.map((f) => f.path)).not.toContain("weights.bin");
    expect(await refusal(verify(at("none")))).toMatch(/^weights: .*the artifact has no weights/);
    expect(bytesIn(at("none"), "index.js").toString()).toMatch(/throw new Error\("this artifact was compiled without/);
  });

  it("stops between tensors, and nothing half-written is left", async () => {
    const stop = new AbortController();
    const progress = (text: string): void => {
      if (text.startsWith("writing weights.bin")) stop.abort();
    };
    expect(await refusal(compileSmall(at("stopped"), { progress, signal: stop.signal }))).toMatch(/^interrupted: /);
    for (const name of ["plan.json", "weights.bin", "manifest.json"])
      expect(() => bytesIn(at("stopped"), name)).toThrow(/ENOENT/);
  });

  test.each<[Partial<CompileRequest>, RegExp]>([
    [{ batch: "dynamic" }, /^usage: the target webgpu does not take --batch dynamic/],
    [{ batch: 99_999_999 }, /^usage: .*the target webgpu does not take an input of .*\n.*Use a smaller --batch/],
    [
      { target: "cuda", preprocess: true },
      /^usage: .*the target cuda does not take an input of u8.*\n.*Leave --preprocess out, or use --target webgpu or onnx/,
    ],
    [{ opset: 17 }, /^usage: the target webgpu does not take --opset 17/],
    [{ onnxOps: "standard" }, /^usage: the target webgpu does not take --onnx-ops standard/],
    [{ layout: "transformers-js" }, /^usage: the target webgpu does not take --layout transformers-js/],
    [
      { passes: ["pointwise-linear"] },
      /^usage: the pass "pointwise-linear" is none of the target webgpu\n.*--target onnx/,
    ],
  ])("refuses %j by name", async (request, message) => {
    expect(await refusal(compileSmall(at("refused"), request))).toMatch(message);
  });

  it("keeps tensors in halves with --precision fp16", async () => {
    const { target: halves, outputs } = await compileSmall(at("halves"), { precision: "fp16", taps: ["features.1"] });
    const { target: singles } = await compileSmall(at("singles"), { taps: ["features.1"] });
    expect([halves, singles]).toMatchObject([{ precision: "fp16" }, { precision: "fp32" }]);
    expect(outputs[0]?.dtype).toBe("f32");
    expect(bytesIn(at("halves"), "weights.bin").length).toBeLessThan(
      0.6 * bytesIn(at("singles"), "weights.bin").length,
    );
  });

  it("refuses by name a tensor that no kernel may be given", async () => {
    const huge = compileSmall(at("huge"), { inputSize: [3, 4096, 4096] });
    expect(await refusal(huge)).toMatch(/^unsupported: \S+: WebGPU does not take a tensor of \d+ bytes/);
  });

  it("is what inspect says", async () => {
    const { input, outputs } = await inspect({ model: "test_resnet", target, taps: ["features"] });
    expect(input.shape[0]).toBe(1);
    expect(outputs.every(({ shape }) => shape[0] === 1)).toBe(true);
    const ir = { model: "test_resnet", target, ir: { optimization: "O2" } } as const;
    expect((await inspect(ir)).ir).toContain("f32[1,3,160,160]");
  });
});

describeOnGpu("a WebGPU artifact on a device", () => {
  const taps = ["logits", "features.2", "module:layer1.0"];
  beforeAll(async () => {
    await compileSmall(at("sound"), { taps });
  }, 60_000);

  it("is certified", async () => {
    const certificate = await verify(at("sound"));
    expect(certificate).toMatchObject({ passed: true, failure: null, runtime: { name: "webgpu" } });
    expect(certificate.runtime.device).not.toBe("");
    expect(certificate.outputs.map((o) => o.name)).toEqual(taps);
    expect(certificate.inputs.map((i) => i.name)).toContain("noise");
  });

  it("runs a raw input and saves every output, as ONNX does", async () => {
    await compileTiny(at("onnx"), { inputSize: [3, 32, 32], taps });
    const data = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i));
    writeFileSync(at("x.npy"), formatNpy({ dtype: "f32", shape: [1, 3, 32, 32], data }));
    const ours = await runTensor(at("sound"), at("x.npy"), { save: at("ours") });
    await runTensor(at("onnx"), at("x.npy"), { save: at("theirs") });
    for (const { file } of ours.outputs) {
      const [a, b] = [readNpy(join(at("ours"), file ?? "")), readNpy(join(at("theirs"), file ?? ""))];
      expect(a.shape).toEqual(b.shape);
      const [x, y] = [numbersOf(a), numbersOf(b)];
      expect(Math.max(...Array.from(x, (v, i) => Math.abs(v - (y[i] ?? NaN))))).toBeLessThan(1e-4);
    }
  });

  it("refuses an input of another shape or type", async () => {
    const arrays: readonly NpyArray[] = [
      { dtype: "f32", shape: [1, 3, 32, 33], data: new Float32Array(3 * 32 * 33) },
      { dtype: "f32", shape: [2, 3, 32, 32], data: new Float32Array(2 * 3 * 32 * 32) },
      { dtype: "f64", shape: [1, 3, 32, 32], data: new Float64Array(3 * 32 * 32) },
    ];
    for (const array of arrays) {
      writeFileSync(at("wrong.npy"), formatNpy(array));
      expect(await refusal(runTensor(at("sound"), at("wrong.npy")))).toMatch(
        /^usage: .*the artifact takes f32\[1,3,32,32\]/,
      );
    }
  });

  it("takes pixels as bytes with --preprocess, and knows the pictures", async () => {
    const model = `local-dir:${shapesModel}`;
    const common = { model, weights: "pretrained", inputSize: undefined, preprocess: true } as const;
    const { input } = await compileTiny(at("pixels"), { ...common, target });
    expect(input).toMatchObject({ dtype: "u8", layout: "NHWC", normalized: "inside" });
    await compileTiny(at("pixels-onnx"), common);
    const images = [join(pictures, "circle-1.png")];
    const [ours] = await runImages(at("pixels"), images, { top: 1 });
    const [theirs] = await runImages(at("pixels-onnx"), images, { top: 1 });
    expect(ours?.top?.[0]?.label).toBe(theirs?.top?.[0]?.label);
    expect(ours?.top?.[0]?.logit).toBeCloseTo(theirs?.top?.[0]?.logit ?? NaN, 3);
  }, 120_000);

  it("in halves is certified too, by the budgets of halves", async () => {
    await compileSmall(at("fp16"), { precision: "fp16", taps: ["features.1"] });
    expect(await verify(at("fp16"))).toMatchObject({ passed: true, outputs: [{ budget: budgets.f16 }] });
  });

  it("is timed beside an ONNX artifact, kernel by kernel where asked", async () => {
    await compileTiny(at("timed"), { inputSize: [3, 32, 32] });
    const { artifacts, runtimes, notes } = await bench([at("timed"), at("sound")], {
      runs: 1,
      threads: 1,
      profile: true,
    });
    expect(runtimes).toMatchObject({ onnx: { name: "onnxruntime-node" }, webgpu: { name: "webgpu" } });
    expect(artifacts.map((a) => a.target)).toEqual(["onnx", "webgpu"]);
    expect(artifacts[0]?.kernels).toBeNull();
    expect(artifacts[1]?.kernels?.length).toBe(JSON.parse(bytesIn(at("sound"), "plan.json").toString()).steps.length);
    expect(notes).toContain("--threads has no effect on webgpu");
  });

  it("is none where its files are damaged, although their hashes are the manifest's", async () => {
    const copy = (name: string): string => {
      cpSync(at("sound"), at(name), { recursive: true });
      return at(name);
    };
    const run = (folder: string): Promise<string> => refusal(runTensor(folder, at("x.npy")));
    const plan = JSON.parse(bytesIn(at("sound"), "plan.json").toString()) as { arena: number };
    const encode = (value: unknown): Buffer => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
    for (const [file, bytes, message] of [
      ["plan.json", encode({ ...plan, arena: 256 }), /damaged: plan\.json is wrong at /],
      ["plan.json", encode("{"), /damaged: this is not JSON/],
      ["model.wgsl.js", encode("export const shaders = [process.exit()];\n"), /damaged: this is no module of shaders/],
      ["weights.bin", Buffer.alloc(16), /damaged: the weights have 16 bytes/],
    ] as const) {
      const folder = copy("damaged");
      replace(folder, file, bytes);
      expect(await run(folder)).toMatch(/^io: /);
      expect(await run(folder)).toMatch(message);
      rmSync(folder, { recursive: true });
    }
  });
});

describeOnGpu("a fault of a WebGPU artifact", () => {
  const compileFirst: typeof compileSmall = (out, request, ...more) =>
    compileSmall(out, { taps: ["features.2"], ...request }, ...more);

  it("in a pass is found by its name", async () => {
    const pipeline = [...pipelineOf("O1", null, { target }), passOf(dropConvBias("layer2.0.conv2"))];
    await compileFirst(at("bad-pass"), {}, pipeline);
    const { passed, failure } = await verify(at("bad-pass"), {}, pipeline);
    expect(passed).toBe(false);
    expect(failure).toMatchObject({ stage: "pass", pass: "drop-conv-bias", module: "layer2.0.conv2" });
  });

  it("in a kernel is found by the module", async () => {
    // What reads no weights and takes maxima is the pooling.
    sabotage.of = (text, { buffers }) => (buffers.length === 2 ? text.replaceAll("max(", "min(") : text);
    await compileFirst(at("bad-kernel"));
    const { passed, failure } = await verify(at("bad-kernel"));
    expect(passed).toBe(false);
    expect(failure).toMatchObject({ stage: "kernels", pass: null, module: "maxpool" });
  });

  it("in a changed file is found by the file", async () => {
    await compileFirst(at("changed-shader"));
    const shaders = bytesIn(at("changed-shader"), "model.wgsl.js").toString();
    replace(at("changed-shader"), "model.wgsl.js", Buffer.from(shaders.replaceAll("max(", "min(")));
    const { passed, failure } = await verify(at("changed-shader"));
    expect(passed).toBe(false);
    expect(failure).toMatchObject({
      stage: "artifact",
      message: expect.stringMatching(/^model\.wgsl\.js is not what/),
    });
  });

  it("in a changed file is found although the outputs are right", async () => {
    await compileFirst(at("commented"));
    const shaders = bytesIn(at("commented"), "model.wgsl.js").toString();
    replace(at("commented"), "model.wgsl.js", Buffer.from(shaders.replace("@compute", "// a comment\n@compute")));
    const { passed, failure, outputs } = await verify(at("commented"));
    expect({ passed, outputs: outputs.every((o) => o.passed) }).toEqual({ passed: false, outputs: true });
    expect(failure).toMatchObject({ stage: "artifact" });
  });

  it("in the weights is one of no kernel", async () => {
    await compileFirst(at("bad-weights"));
    replace(
      at("bad-weights"),
      "weights.bin",
      bytesIn(at("bad-weights"), "weights.bin").map((b, i) => (i % 4 === 3 ? b ^ 128 : b)),
    );
    const { failure } = await verify(at("bad-weights"));
    expect(failure).toMatchObject({ stage: "kernels", module: null, message: expect.stringMatching(/weights\.bin/) });
  });

  it("that shows with halves alone is not said to be of the weights", async () => {
    // Kernels that are tested with float32 tensors pack no halves.
    sabotage.of = (text) => text.replaceAll(/\bpack2x16float\(/g, "pack2x16float(3.0 * ");
    await compileFirst(at("bad-halves"), { precision: "fp16" });
    const { passed, failure } = await verify(at("bad-halves"));
    expect(passed).toBe(false);
    expect(failure).toMatchObject({ stage: "kernels", module: null });
    expect(failure?.message).toMatch(/tested with float32 tensors: .*--precision fp32/);
    expect(failure?.message).not.toMatch(/weights\.bin/);
  });
});
