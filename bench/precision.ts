import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import path from "node:path";
import type { Shell } from "../src/cli/shell.ts";
import { table } from "../src/cli/table.ts";
import { byteQuantity } from "../src/cli/units.ts";
import { calibrate } from "../src/driver/calibrate/calibrate.ts";
import { readCalibration } from "../src/driver/calibrate/read-calibration.ts";
import { compile } from "../src/driver/compile.ts";
import { resolve } from "../src/frontend/resolve.ts";
import { syntheticInput } from "../src/frontend/weights/synthetic.ts";
import type { Precision } from "../src/passes/precision/precision.ts";
import { type OrtRuntime, loadOrt } from "../src/runtime/ort.ts";
import { modelBytes } from "./artifacts.ts";
import { selectModels } from "./models.ts";
import { type RaceResult, race } from "./race.ts";
import { geometricMean } from "./statistics.ts";

export interface PrecisionBenchOptions {
  readonly models: readonly string[];
  readonly precisions: readonly Precision[];
  readonly pictures: string;
  readonly threads: readonly number[];
  readonly runs?: number;
  readonly opset: number;
  readonly json?: string;
}

interface Result {
  readonly model: string;
  readonly precision: Precision;
  readonly bytes: number;
  /** Bytes of the float32 artifact. */
  readonly of: number;
  readonly races: readonly RaceResult[];
}

/**
 * Times artifacts of each precision against float32 under ONNX Runtime, in turns. Weights are the recipe's, whose errors
 * say nothing: none is refused, and nothing is left in float for its sake.
 */
export async function benchPrecision(options: PrecisionBenchOptions, shell: Shell): Promise<void> {
  const ort = await loadOrt();
  const load = loadavg()[0] ?? 0;
  const results: Result[] = [];
  for (const model of await selectModels(options.models)) {
    const root = mkdtempSync(path.join(tmpdir(), "timmc-precision-"));
    try {
      results.push(...(await benchModel(model, root, ort, options, shell)));
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
  shell.status("");
  const machine = `${cpus()[0]?.model.trim() ?? "unknown processor"} (${instructionSet()}), ${availableParallelism()} cores`;
  const setting = `batch 1, opset ${options.opset}, onnxruntime-node ${ort.version}, ${machine}, load ${load.toFixed(1)} at the start`;
  shell.print([...tableOf(results, options), "", setting].join("\n"));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ setting, results }, null, 1)}\n`);
}

async function benchModel(
  model: string,
  root: string,
  ort: OrtRuntime,
  { precisions, pictures, opset, threads, runs }: PrecisionBenchOptions,
  shell: Shell,
): Promise<Result[]> {
  const { signal, status: progress } = shell;
  const weights = "synthetic" as const;
  const file = path.join(root, "calibration.json");
  // For halves nobody looks for what eight bits hurt.
  await calibrate({
    model,
    weights,
    pictures: [pictures],
    samples: 10,
    precision: "fp16",
    opset,
    out: file,
    signal,
    progress,
  });
  const made = async (precision: Precision): Promise<string> => {
    const out = path.join(root, precision);
    const reduced = precision === "fp32" ? {} : { calibration: readCalibration(file), maxError: Number.MAX_VALUE };
    await compile({ model, weights, precision, ...reduced, opset, out, batch: 1, signal, progress });
    return path.join(out, "model.onnx");
  };
  const a = await made("fp32");
  const shape = [1, ...(await resolve({ model })).inputSize];
  const input = { dtype: "f32" as const, shape, data: syntheticInput(shape) };
  const results: Result[] = [];
  for (const precision of precisions) {
    const b = await made(precision);
    const races: RaceResult[] = [];
    for (const count of threads) {
      progress(`${model} ${precision}: ${count} threads`);
      races.push(await race(ort, { a, b }, input, { threads: count, runs, signal }));
    }
    results.push({ model, precision, bytes: modelBytes(b), of: modelBytes(a), races });
    shell.log(`${model} ${precision}: ${races.map((r) => `${r.threads}t ${r[r.clock].median.toFixed(3)}`).join(", ")}`);
  }
  return results;
}

function tableOf(results: readonly Result[], { precisions, threads }: PrecisionBenchOptions): string[] {
  const right = { align: "right" } as const;
  const ratios = (of: readonly Result[]): string[] =>
    threads.map((_, i) =>
      geometricMean(of.map(({ races }) => races[i]).flatMap((r) => (r ? [r[r.clock].median] : []))).toFixed(3),
    );
  const rows = results.map((r) => [
    r.model,
    r.precision,
    ...ratios([r]),
    byteQuantity(r.bytes),
    (r.bytes / r.of).toFixed(3),
  ]);
  for (const precision of precisions) {
    const of = results.filter((r) => r.precision === precision);
    const size = geometricMean(of.map((r) => r.bytes / r.of)).toFixed(3);
    if (of.length > 1) rows.push(["geometric mean", precision, ...ratios(of), "", size]);
  }
  const clocks = threads.map((n) => ({ title: n === 1 ? "cpu, 1 thread" : `wall, ${n} threads`, ...right }));
  return table(
    [
      { title: "model" },
      { title: "precision" },
      ...clocks,
      { title: "size", ...right },
      { title: "of fp32's", ...right },
    ],
    rows,
  );
}

/** What the processor multiplies eight bits with, of what ONNX Runtime knows; by Linux's word for it. */
function instructionSet(): string {
  const known = ["amx_int8", "avx512_vnni", "avx_vnni", "asimddp", "avx512bw", "avx2"];
  try {
    const words = new Set(readFileSync("/proc/cpuinfo", "utf8").split(/\s+/));
    return known.filter((name) => words.has(name)).join(" ") || "none of its flags is known";
  } catch {
    return "only Linux tells its flags";
  }
}
