import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { emitOnnx } from "../src/backends/onnx/emit.ts";
import type { Parameters } from "../src/backends/parameters.ts";
import type { Shell } from "../src/cli/shell.ts";
import { type Column, table } from "../src/cli/table.ts";
import { byteQuantity } from "../src/cli/units.ts";
import { writeModel } from "../src/driver/artifact-model.ts";
import { defaultForms } from "../src/backends/onnx/forms.ts";
import { lowerRequest } from "../src/driver/lower-request.ts";
import { pipelineOf } from "../src/driver/pipeline.ts";
import { version } from "../src/driver/version.ts";
import { openModelWeights } from "../src/driver/weights.ts";
import { TimmcError } from "../src/ir/error.ts";
import { runPipeline } from "../src/passes/pass.ts";
import { selectModels } from "./models.ts";
import { median } from "./statistics.ts";

export interface CompileBenchOptions {
  readonly models: readonly string[];
  readonly runs: number;
  readonly json?: string;
}

/** Milliseconds of one compile by step; the passes by name. */
interface Steps {
  readonly lower: number;
  readonly passes: ReadonlyMap<string, number>;
  readonly emit: number;
  /** Making up the recipe's weights, in place of reading them from a file. */
  readonly weights: number;
  /** Evaluating the weights that passes folded. */
  readonly evaluate: number;
  /** Hashing, the disk. */
  readonly write: number;
}

interface CompileResult {
  readonly model: string;
  readonly first: number;
  readonly steps: Steps;
  /** A compile in a process of its own: seconds from start to end, peak memory in bytes. */
  readonly process: { readonly seconds: number; readonly peak: number };
}

/** Times the steps of compiling at -O2 with the recipe's weights, and prints what share the passes are. */
export async function benchCompile(options: CompileBenchOptions, shell: Shell): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "timmc-bench-"));
  try {
    const results: CompileResult[] = [];
    for (const model of await selectModels(options.models)) {
      shell.status(`${model}: ${options.runs} compiles`);
      const runs: Steps[] = [];
      for (let run = 0; run <= options.runs; run++) runs.push(await compileTimed(model, folder, shell.signal));
      const [first, ...warm] = runs;
      shell.status(`${model}: a process of its own`);
      const alone = compileAlone(model, path.join(folder, "alone"));
      results.push({ model, first: first === undefined ? NaN : totalOf(first), steps: medians(warm), process: alone });
    }
    shell.print([...stepTable(results), "", ...passTable(results)].join("\n"));
    if (options.json !== undefined) writeFileSync(options.json, jsonOf(results));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function compileTimed(model: string, folder: string, signal: AbortSignal): Promise<Steps> {
  let last = performance.now();
  const lap = (): number => {
    const now = performance.now();
    const took = now - last;
    last = now;
    return took;
  };
  const { resolved, lowered } = await lowerRequest({ model });
  const weights = await openModelWeights("synthetic", resolved, lowered);
  const lower = lap();
  const passes = new Map<string, number>();
  const after = ({ name }: { readonly name: string }): void => void passes.set(name, (passes.get(name) ?? 0) + lap());
  runPipeline(lowered.graph, pipelineOf("O2"), [{ after }]);
  const filling = stopwatch();
  const evaluating = stopwatch();
  const parameters: Parameters = { bytes: filling.around(weights.parameters.bytes) };
  const emitted = emitOnnx(lowered.graph, parameters, {
    opset: defaultForms.opset,
    producerVersion: version,
    metadata: [],
  });
  const initializers = emitted.initializers.map((i) => ({ ...i, bytes: evaluating.around(() => i.bytes()) }));
  const emit = lap();
  await writeModel(folder, { ...emitted, initializers }, { hasWeights: true, signal });
  const rest = lap() - evaluating.total();
  const made = filling.total();
  return { lower, passes, emit, weights: made, evaluate: evaluating.total() - made, write: rest };
}

/** Adds up the milliseconds of the functions that it wraps. */
function stopwatch() {
  let sum = 0;
  return {
    total: () => sum,
    around:
      <A extends readonly unknown[], R>(body: (...args: A) => R) =>
      (...args: A): R => {
        const from = performance.now();
        const result = body(...args);
        sum += performance.now() - from;
        return result;
      },
  };
}

function compileAlone(model: string, folder: string): CompileResult["process"] {
  const program = fileURLToPath(new URL("compile-once.js", import.meta.url));
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, model, folder], { encoding: "utf8" });
  if (status !== 0) throw new TimmcError("unsupported", `a compile in its own process failed: ${stderr}`);
  return { seconds: (performance.now() - start) / 1000, peak: 1024 * Number(stdout) };
}

const passTime = ({ passes }: Steps): number => [...passes.values()].reduce((sum, ms) => sum + ms, 0);
const totalOf = (steps: Steps): number =>
  steps.lower + passTime(steps) + steps.emit + steps.weights + steps.evaluate + steps.write;

function medians(runs: readonly Steps[]): Steps {
  const names = [...new Set(runs.flatMap((run) => [...run.passes.keys()]))];
  const of = (value: (run: Steps) => number): number => median(runs.map(value));
  return {
    lower: of((run) => run.lower),
    passes: new Map(names.map((name) => [name, of((run) => run.passes.get(name) ?? 0)])),
    emit: of((run) => run.emit),
    weights: of((run) => run.weights),
    evaluate: of((run) => run.evaluate),
    write: of((run) => run.write),
  };
}

const right = (title: string): Column => ({ title, align: "right" });
const share = (part: number, steps: Steps): string => `${((100 * part) / totalOf(steps)).toFixed(1)} %`;
const ms = (value: number): string => value.toFixed(1);

function stepTable(results: readonly CompileResult[]): string[] {
  const columns = [
    { title: "ms" },
    right("lower"),
    right("passes"),
    right("emit"),
    right("weights"),
    right("evaluate"),
  ];
  columns.push(right("write"), right("sum"), right("passes of it"), right("with evaluate"));
  columns.push(right("first sum"), right("process s"), right("peak memory"));
  return table(
    columns,
    results.map(({ model, steps, first, process: alone }) => [
      model,
      ms(steps.lower),
      ms(passTime(steps)),
      ms(steps.emit),
      ms(steps.weights),
      ms(steps.evaluate),
      ms(steps.write),
      ms(totalOf(steps)),
      share(passTime(steps), steps),
      share(passTime(steps) + steps.evaluate, steps),
      ms(first),
      alone.seconds.toFixed(2),
      byteQuantity(alone.peak),
    ]),
  );
}

/** A row per pass, a column per model. */
function passTable(results: readonly CompileResult[]): string[] {
  const names = [...new Set(results.flatMap(({ steps }) => [...steps.passes.keys()]))];
  const columns = [{ title: "ms of each pass" }, ...results.map(({ model }) => right(model))];
  return table(
    columns,
    names.map((name) => [name, ...results.map(({ steps }) => ms(steps.passes.get(name) ?? 0))]),
  );
}

const jsonOf = (results: readonly CompileResult[]): string => {
  const plain = results.map(({ steps, ...rest }) => ({
    ...rest,
    steps: { ...steps, passes: Object.fromEntries(steps.passes) },
  }));
  return `${JSON.stringify(plain, undefined, 2)}\n`;
};
