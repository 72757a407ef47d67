import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import path from "node:path";
import { commaList } from "../src/cli/options.ts";
import type { Shell } from "../src/cli/shell.ts";
import { makeFolder } from "../src/frontend/make-folder.ts";
import { pipelineOf } from "../src/driver/pipeline.ts";
import { syntheticInput } from "../src/frontend/weights/synthetic.ts";
import { resolve } from "../src/frontend/resolve.ts";
import type { NpyArray } from "../src/runtime/npy.ts";
import { type OrtRuntime, loadOrt } from "../src/runtime/ort.ts";
import { compileArtifact, findModelFile, modelBytes } from "./artifacts.ts";
import { selectModels } from "./models.ts";
import { type NodeCounts, countNodes } from "./onnx-file.ts";
import { fileTable, profileTables, timeTable } from "./ort-tables.ts";
import { type Profile, profileFiles } from "./profile.ts";
import { type Creation, type RaceResult, race, raceCreation } from "./race.ts";

/** The digit of an optimisation level. */
export type Level = "0" | "1" | "2";

export interface OrtBenchOptions {
  readonly models: readonly string[];
  readonly levels: readonly [a: Level, b: Level];
  readonly onnxOps?: "standard" | "ort";
  readonly passes?: string;
  readonly opset?: number;
  readonly against?: string;
  readonly threads: readonly number[];
  readonly runs?: number;
  readonly batch: number;
  readonly fixedBatch?: boolean;
  readonly profile?: boolean;
  readonly keep?: string;
  readonly json?: string;
}

export interface FileFacts extends NodeCounts {
  readonly bytes: number;
}

/** A value of each side. */
export interface Sides<T> {
  readonly a: T;
  readonly b: T;
}

/** All that is measured of a model. */
export interface ModelResult {
  readonly model: string;
  readonly files: Sides<FileFacts>;
  readonly creation: Creation;
  readonly races: readonly RaceResult[];
  readonly profile: Sides<Profile> | undefined;
}

/** Compiles every model at both levels, times A against B under ONNX Runtime, and prints the tables. */
export async function benchOrt(options: OrtBenchOptions, shell: Shell): Promise<void> {
  const ort = await loadOrt();
  const models = await selectModels(options.models);
  requireArtifactOptions(options);
  const results: ModelResult[] = [];
  const started = performance.now();
  const load = loadavg()[0] ?? 0;
  for (const model of models) {
    const result = await benchModel(model, ort, options, shell);
    results.push(result);
    shell.log(progressLine(result, results.length, models.length));
  }
  const seconds = (performance.now() - started) / 1000;
  const lines = options.threads.flatMap((threads) => [...timeTable(results, threads), ""]);
  lines.push(...fileTable(results), "");
  if (options.profile === true) lines.push(...results.flatMap((result) => [...profileTables(result), ""]));
  lines.push(settingLine(options, ort, { seconds, load }));
  shell.print(lines.join("\n"));
  if (options.json !== undefined) writeFileSync(options.json, jsonOf(options, ort, results));
}

/** Refuses passes and forms that are none before the first model is compiled. */
function requireArtifactOptions({ levels: [, b], passes, opset, onnxOps }: OrtBenchOptions): void {
  const asked = passes === undefined ? undefined : passes === "none" ? [] : commaList(passes);
  pipelineOf(`O${b}`, asked, { opset, onnxOps });
}

/** One line as soon as a model is done: a table comes only at the end. */
function progressLine({ model, races }: ModelResult, done: number, of: number): string {
  const ratios = races.map(
    ({ threads, wall, cpu }) => `${threads}t ${wall.median.toFixed(3)} cpu ${cpu.median.toFixed(3)}`,
  );
  return `${done}/${of} ${model}: ${ratios.join(", ")}`;
}

function settingLine(
  { levels: [a, b], onnxOps, passes, opset, against, batch, fixedBatch }: OrtBenchOptions,
  { version }: OrtRuntime,
  { seconds, load }: { readonly seconds: number; readonly load: number },
): string {
  const said = [onnxOps, passes && `--passes ${passes}`, opset && `opset ${opset}`];
  const extra = said.filter((s) => s !== undefined);
  const sides = `A ${against ?? `-O${a}`}, B ${[`-O${b}`, ...extra].join(" ")}`;
  const size = `batch ${batch}${fixedBatch === true ? " (fixed)" : ""}`;
  const machine = `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, load ${load.toFixed(1)} at the start`;
  return `${sides}, ${size}, onnxruntime-node ${version}, ${machine}, ${seconds.toFixed(0)} s`;
}

async function benchModel(
  model: string,
  ort: OrtRuntime,
  options: OrtBenchOptions,
  shell: Shell,
): Promise<ModelResult> {
  const root = options.keep ?? mkdtempSync(path.join(tmpdir(), "timmc-bench-"));
  try {
    const files = await bothFiles(model, root, options, shell);
    const input = await inputOf(model, options.batch);
    shell.status(`${model}: creating sessions`);
    const creation = await raceCreation(ort, files, shell.signal);
    const races: RaceResult[] = [];
    for (const threads of options.threads) {
      shell.status(`${model}: ${threads} thread${threads === 1 ? "" : "s"}`);
      races.push(await race(ort, files, input, { threads, runs: options.runs, signal: shell.signal }));
    }
    shell.status(options.profile === true ? `${model}: profile` : "");
    const profile = options.profile === true ? await profileBoth(ort, files, input, races) : undefined;
    return { model, files: { a: factsOf(files.a), b: factsOf(files.b) }, creation, races, profile };
  } finally {
    if (options.keep === undefined) rmSync(root, { recursive: true, force: true });
  }
}

const factsOf = (file: string): FileFacts => ({ ...countNodes(file), bytes: modelBytes(file) });

/** Artifacts lie at `LEVEL/MODEL`, so that --against finds those of an earlier --keep. */
async function bothFiles(model: string, root: string, options: OrtBenchOptions, shell: Shell): Promise<Sides<string>> {
  const { levels, onnxOps, passes, opset, against, signal } = { ...options, signal: shell.signal };
  const batch = options.fixedBatch === true ? options.batch : undefined;
  const sides = { a: path.join(root, "A", model), b: path.join(root, "B", model) };
  shell.status(`${model}: compiling`);
  makeFolder(sides.b);
  const a =
    against === undefined
      ? await compileArtifact(model, sides.a, { level: levels[0], batch }, signal)
      : findModelFile(against, model);
  return { a, b: await compileArtifact(model, sides.b, { level: levels[1], onnxOps, passes, opset, batch }, signal) };
}

/** The recipe's picture at the model's default input size. */
async function inputOf(model: string, batch: number): Promise<NpyArray> {
  const { inputSize } = await resolve({ model });
  const shape = [batch, ...inputSize];
  return { dtype: "f32", shape, data: syntheticInput(shape) };
}

/** Milliseconds of profiled runs: shares of time settle fast. */
const profileTime = 1500;

async function profileBoth(
  ort: OrtRuntime,
  { a, b }: Sides<string>,
  input: NpyArray,
  [race0]: readonly RaceResult[],
): Promise<Sides<Profile>> {
  const runs = Math.min(50, Math.max(5, Math.round(profileTime / (race0?.wallA ?? profileTime))));
  const [before = new Map(), after = new Map()] = await profileFiles(ort, [a, b], input, runs);
  return { a: before, b: after };
}

const jsonOf = (options: OrtBenchOptions, { version }: OrtRuntime, results: readonly ModelResult[]): string => {
  const plain = results.map(({ profile, ...rest }) => ({
    ...rest,
    profile: profile && { a: Object.fromEntries(profile.a), b: Object.fromEntries(profile.b) },
  }));
  return `${JSON.stringify({ options, runtime: version, results: plain }, undefined, 2)}\n`;
};
