import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { Project, ts } from "ts-morph";
import { beforeAll, describe, expect, it } from "vitest";
import * as runtime from "../../../src/runtime/webgpu/index.ts";
import { syntheticInput } from "../../../src/frontend/weights/synthetic.ts";
import { describeOnGpu, testGpu } from "../../webgpu-device.ts";
import { compileTiny, temporaryFolder } from "../workspace.ts";
import { type ClientTensor, difference, importClient, runClient } from "./client-module.ts";

const at = temporaryFolder();
const root = join(import.meta.dirname, "../../..");
const request = { inputSize: [3, 32, 32], taps: ["features.0", "features.1"] } as const;

beforeAll(async () => {
  await compileTiny(at("artifact"), { ...request, target: "webgpu" });
  await compileTiny(at("onnx"), request);
});

/** The client as a program sees it that runs WebGPU. */
interface WebGpuClient {
  load(options?: object): Promise<{
    run(input: ClientTensor): Promise<Readonly<Record<string, ClientTensor>>>;
    profile(input: ClientTensor): Promise<readonly { readonly name: string }[] | undefined>;
    release(): Promise<void>;
  }>;
}

const load = async (options?: object) => ((await importClient(at("artifact"))) as object as WebGpuClient).load(options);

describeOnGpu("the client of a WebGPU artifact in Node", () => {
  const shape = [1, 3, 32, 32];
  const input = { dims: shape, data: Float32Array.from(syntheticInput(shape)) };

  it("computes what onnxruntime-node does, and says how far it is", async () => {
    const done: number[] = [];
    const model = await load({ runtime, gpu: testGpu(), onProgress: (n: number, all: number) => done.push(n / all) });
    const [ours, theirs] = [await model.run(input), await runClient(at("onnx"), ort, input)];
    expect(Object.keys(ours)).toEqual(request.taps);
    for (const tap of request.taps) expect(difference(ours[tap], theirs[tap]), tap).toBeLessThan(1e-5);
    expect(done.at(-1)).toBe(1);
    const times = await model.profile(input);
    expect(times === undefined || times.length > 0).toBe(true);
    await model.release();
    await expect(model.run(input)).rejects.toThrow(/disposed/);
  });

  it("shares a device with others", async () => {
    const { plan } = { plan: runtime.checkPlan(JSON.parse(await text("plan.json")), await shaders()) };
    const device = await runtime.requestDevice(runtime.needsOf(plan), testGpu());
    const models = await Promise.all([load({ runtime, device }), load({ runtime, device })]);
    const [a, b] = await Promise.all(models.map((model) => model.run(input)));
    expect(a).toEqual(b);
    for (const model of models) await model.release();
    device.destroy();
  });

  it("refuses a wrong input and a missing runtime", async () => {
    const model = await load({ runtime, gpu: testGpu() });
    await expect(model.run({ dims: [1, 3, 32, 31], data: new Float32Array(1) })).rejects.toThrow(
      /^the input is Float32Array\[1,3,32,31\]; the model takes Float32Array\[1,3,32,32\]$/,
    );
    await expect(model.run({ dims: shape, data: new Uint8Array(3 * 32 * 32) })).rejects.toThrow(TypeError);
    await model.release();
    await expect(load()).rejects.toThrow(/takes the module timmc\/runtime\/webgpu/);
    await expect(load({ runtime: {} })).rejects.toThrow(TypeError);
  });
});

async function text(file: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  return readFile(join(at("artifact"), file), "utf8");
}

const shaders = async (): Promise<string[]> => (await text("model.wgsl.js")).split("`").filter((_, i) => i % 2 === 1);

const prelude = `
import * as runtime from "ROOT/src/runtime/webgpu/index.ts";
import { type Input, input, load, outputs } from "ARTIFACT/index.js";
const data = new Float32Array(3 * 32 * 32);
const model = await load({ runtime });
const results = await model.run({ dims: [1, 3, 32, 32], data });
export {};
`;

function complaints(lines: readonly string[]): string[] {
  const project = new Project({
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      noUncheckedIndexedAccess: true,
      allowImportingTsExtensions: true,
      types: ["@webgpu/types"],
      noEmit: true,
      skipLibCheck: true,
    },
  });
  const start = prelude.replace("ROOT", root).replace("ARTIFACT", at("artifact")).trimStart();
  const program = start + lines.map((line) => `{ ${line} }\n`).join("");
  const file = project.createSourceFile(join(root, "consumer.mts"), program);
  const declarations = project.addSourceFileAtPath(join(at("artifact"), "index.d.ts"));
  const before = start.split("\n").length - 1;
  const found = [...file.getPreEmitDiagnostics(), ...declarations.getPreEmitDiagnostics()];
  return found.map((d) => `${lines[(d.getLineNumber() ?? 0) - before - 1] ?? d.getMessageText().toString()}`);
}

describe("the types of a WebGPU artifact's client", () => {
  it("take what is right", () => {
    expect(
      complaints([
        `const channels: 32 = results["features.1"].dims[1]; const batch: 1 = results["features.1"].dims[0];`,
        `const one: Input = { dims: [1, 3, 32, 32], data };`,
        `const dtype: "f32" = outputs["features.0"].dtype; const shape: readonly [1, 3, 32, 32] = input.shape;`,
        `const device = await runtime.requestDevice({ buffer: 1, binding: 1 }); await load({ runtime, device });`,
        `await load({ runtime, onProgress: (done, all) => console.log(done / all) });`,
      ]),
    ).toEqual([]);
  });

  it("refuse a wrong tap, shape, element type or runtime", () => {
    const wrong = [
      `results["features.2"];`,
      `await model.run({ dims: [2, 3, 32, 32], data });`,
      `await model.run({ dims: [1, 3, 32, 32], data: new Uint8Array(3) });`,
      `await load({});`,
      `await load({ runtime: { InferenceSession: 1 } });`,
    ];
    expect(complaints(wrong)).toEqual(wrong);
  });
});

it("a client without weights says so", async () => {
  await compileTiny(at("empty"), { ...request, target: "webgpu", weights: "none" });
  const client = (await importClient(at("empty"))) as object as WebGpuClient;
  await expect(client.load({ runtime })).rejects.toThrow(/compiled without weights/);
});
