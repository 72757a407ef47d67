import { InferenceSession, Tensor } from "onnxruntime-node";
import { type Estimate, estimate, median, quotients } from "../statistics.ts";
import { numbers } from "./model.ts";

/** Several ONNX files of one function, by name. The first is what the others are compared with. */
export type Candidates = Readonly<Record<string, Uint8Array>>;

export interface RaceOptions {
  /** Shapes of the inputs, which are fed numbers in [-scale, scale]. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly scale?: number;
  readonly rounds?: number;
  readonly threads?: number;
}

/** What one candidate took: medians in milliseconds, and its ratios to the first candidate, round by round. */
export interface Result {
  readonly name: string;
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly wall: Estimate;
  readonly cpu: Estimate;
  /** Largest difference from the first candidate's result, by the largest number of that. */
  readonly error: number;
}

interface Runner {
  readonly name: string;
  readonly session: InferenceSession;
  readonly wall: number[];
  readonly cpu: number[];
  result: Float32Array;
}

const warmUp = 3;
const again = "the first again";

/**
 * Runs every candidate once in each round, in an order that rotates and turns over, so that drift and neighbours meet all
 * alike; the first takes part twice, and the ratio of the two shows what a difference is worth. ONNX Runtime optimises as
 * it does for users; threads do not spin, for spinning takes time from what else runs.
 */
export async function race(candidates: Candidates, options: RaceOptions): Promise<readonly Result[]> {
  const { inputs, scale = 1, rounds = 40, threads = 1 } = options;
  const [first] = Object.values(candidates);
  if (first === undefined) return [];
  const runners: Runner[] = [];
  for (const [name, bytes] of [...Object.entries(candidates), [again, first] as const])
    runners.push(await start(name, bytes, threads));
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, dims]) => [
      name,
      new Tensor("float32", Float32Array.from(numbers(dims, scale).values), dims),
    ]),
  );
  for (let round = 0; round < warmUp + rounds; round++) {
    const first = round % runners.length;
    const turn = [...runners.slice(first), ...runners.slice(0, first)];
    const order = Math.floor(round / runners.length) % 2 === 0 ? turn : turn.toReversed();
    for (const runner of order) await runOnce(runner, feeds, round >= warmUp);
  }
  const results = runners.map((runner) => resultOf(runner, runners[0] ?? runner));
  for (const { session } of runners) await session.release();
  return results;
}

async function start(name: string, bytes: Uint8Array, threads: number): Promise<Runner> {
  const session = await InferenceSession.create(bytes, {
    graphOptimizationLevel: "all",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  });
  return { name, session, wall: [], cpu: [], result: new Float32Array() };
}

async function runOnce(runner: Runner, feeds: Readonly<Record<string, Tensor>>, counts: boolean): Promise<void> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const [result] = Object.values(await runner.session.run(feeds));
  const wall = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  if (result?.data instanceof Float32Array) runner.result = result.data;
  if (!counts) return;
  runner.wall.push(wall);
  runner.cpu.push((user + system) / 1000);
}

function resultOf(runner: Runner, base: Runner): Result {
  const largest = base.result.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  const difference = runner.result.reduce((m, v, i) => Math.max(m, Math.abs(v - (base.result[i] ?? Number.NaN))), 0);
  return {
    name: runner.name,
    wallMs: median(runner.wall),
    cpuMs: median(runner.cpu),
    wall: estimate(quotients(runner.wall, base.wall)),
    cpu: estimate(quotients(runner.cpu, base.cpu)),
    error: difference / largest,
  };
}

/**
 * Runs a race and prints its table to standard output: ratios of wall and of processor time, and where that of processor
 * time, which neighbours disturb less, lies with a confidence of 95 %.
 */
export async function report(title: string, candidates: Candidates, options: RaceOptions): Promise<void> {
  const results = await race(candidates, options);
  const header = ["form", "wall ms", "cpu ms", "wall", "cpu", "95 %", "error"];
  const rows = results.map((r) => [
    r.name,
    r.wallMs.toFixed(3),
    r.cpuMs.toFixed(3),
    r.wall.median.toFixed(3),
    r.cpu.median.toFixed(3),
    `${r.cpu.low.toFixed(3)}..${r.cpu.high.toFixed(3)}`,
    r.error.toExponential(0),
  ]);
  const widths = header.map((h, i) => Math.max(h.length, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  process.stdout.write(`${title}\n${[header, ...rows].map((row) => `  ${line(row)}`).join("\n")}\n`);
}
