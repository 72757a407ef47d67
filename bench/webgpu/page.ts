import type * as Ort from "onnxruntime-web";
import * as runtime from "../../src/runtime/webgpu/index.ts";

/** What runs in the page: both runtimes on the same adapter, their runs in turns. */

export interface PageRequest {
  /** Addresses of our artifact's folder, of ONNX Runtime's model and of the input's numbers. */
  readonly artifact: string;
  readonly onnx: string;
  readonly input: string;
  readonly shape: readonly number[];
  readonly rounds: number;
}

export interface PageSide {
  /** Milliseconds: until the model is there, its first run, and later runs in order. */
  readonly load: number;
  readonly first: number;
  readonly runs: readonly number[];
  readonly dispatches: number;
}

export interface PageResult {
  readonly adapter: string;
  readonly ours: PageSide;
  readonly ort: PageSide;
  /** By output: the largest difference over the standard deviation of ONNX Runtime's. */
  readonly differences: Readonly<Record<string, number>>;
  /** Milliseconds of each of our steps, where the device has timestamps. */
  readonly profile: readonly { readonly name: string; readonly ms: number }[];
}

type Outputs = Readonly<Record<string, Float32Array>>;

interface Runner {
  readonly load: number;
  run(): Promise<Outputs>;
}

const runtimeAddress = "/node_modules/onnxruntime-web/dist/";

let dispatched = 0;

/** Counts what either runtime asks of the queue. */
function countDispatches(): void {
  const encoder = (globalThis as unknown as { GPUComputePassEncoder: { prototype: GPUComputePassEncoder } })
    .GPUComputePassEncoder.prototype;
  for (const name of ["dispatchWorkgroups", "dispatchWorkgroupsIndirect"] as const) {
    const real = encoder[name] as (...args: number[]) => undefined;
    encoder[name] = function (this: GPUComputePassEncoder, ...args: never[]) {
      dispatched++;
      return real.apply(this, args);
    };
  }
}

const read = async (address: string): Promise<ArrayBuffer> => {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.arrayBuffer();
};

/** The client of an artifact: its index.js, which fetches the rest. */
interface Client {
  load(options: { readonly runtime: unknown }): Promise<Pick<runtime.Model, "run" | "profile">>;
}

async function openOurs({ artifact, shape }: PageRequest, input: Float32Array) {
  const from = performance.now();
  const { load: open } = (await import(`${artifact}/index.js`)) as Client;
  const model = await open({ runtime });
  const load = performance.now() - from;
  const values = { dims: shape, data: input };
  const run = async (): Promise<Outputs> =>
    Object.fromEntries(Object.entries(await model.run(values)).map(([name, { data }]) => [name, data as Float32Array]));
  return { load, run, profile: async () => (await model.profile(values)) ?? [] };
}

async function openOrt({ onnx, shape }: PageRequest, input: Float32Array): Promise<Runner> {
  const ort = (await import(`${runtimeAddress}ort.webgpu.min.mjs`)) as typeof Ort;
  ort.env.wasm.wasmPaths = runtimeAddress;
  ort.env.wasm.numThreads = 1;
  const from = performance.now();
  const bytes = new Uint8Array(await read(onnx));
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["webgpu"] });
  const load = performance.now() - from;
  const run = async (): Promise<Outputs> => {
    const feeds = { input: new ort.Tensor("float32", input, shape) };
    const outputs: Record<string, Float32Array> = {};
    for (const [name, tensor] of Object.entries(await session.run(feeds)))
      outputs[name] = (await tensor.getData()) as Float32Array;
    return outputs;
  };
  return { load, run };
}

/** Runs both in turns, in an order that turns over each round. */
export async function measure(request: PageRequest): Promise<PageResult> {
  const input = new Float32Array(await read(request.input));
  const { navigator } = globalThis as unknown as { readonly navigator: { readonly gpu: GPU } };
  const adapter = await navigator.gpu.requestAdapter();
  const mine = await openOurs(request, input);
  const ours = await begin(mine);
  const theirs = await openOrt(request, input);
  const ort = await begin(theirs);
  for (let round = 0; round < request.rounds; round++)
    for (const { side, runner } of round % 2 === 0 ? [ours, ort] : [ort, ours])
      side.runs.push((await timed(() => runner.run())).ms);
  const { vendor = "", architecture = "" } = adapter?.info ?? {};
  return {
    adapter: `${vendor} ${architecture}`.trim(),
    ours: ours.side,
    ort: ort.side,
    differences: differences(ours.outputs, ort.outputs),
    profile: await mine.profile(),
  };
}

async function begin(runner: Runner) {
  const before = dispatched;
  const { ms: first, value: outputs } = await timed(() => runner.run());
  const side = { load: runner.load, first, runs: [] as number[], dispatches: dispatched - before };
  return { side, runner, outputs };
}

async function timed<T>(body: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const from = performance.now();
  const value = await body();
  return { ms: performance.now() - from, value };
}

function differences(ours: Outputs, theirs: Outputs): Record<string, number> {
  return Object.fromEntries(
    Object.entries(theirs).map(([name, expected]) => {
      const mean = expected.reduce((sum, v) => sum + v, 0) / expected.length;
      const deviation = Math.sqrt(expected.reduce((sum, v) => sum + (v - mean) ** 2, 0) / expected.length);
      const error = expected.reduce((most, v, i) => Math.max(most, Math.abs(v - (ours[name]?.[i] ?? NaN))), 0);
      return [name, error / deviation];
    }),
  );
}

countDispatches();
(globalThis as { measure?: typeof measure }).measure = measure;
