import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { NpyArray } from "../src/runtime/npy.ts";
import type { OrtRuntime } from "../src/runtime/ort.ts";
import type { Session } from "../src/runtime/session.ts";

/** The little of a trace event of ONNX Runtime that is read here; `dur` and `ts` are microseconds. */
export interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/** Per run, by operator as ONNX Runtime executes it, after its own optimisations. */
export interface OperatorTime {
  readonly nodes: number;
  readonly ms: number;
}
export type Profile = ReadonlyMap<string, OperatorTime>;

/** The kernel times of the runs after the first `skipped`, averaged over them. */
export function readProfile(events: readonly TraceEvent[], skipped: number): Profile {
  const starts = events
    .filter((e) => e.cat === "Session" && e.name === "model_run")
    .map((e) => e.ts)
    .toSorted((a, b) => a - b)
    .slice(skipped);
  const [from = Infinity] = starts;
  const sums = new Map<string, { count: number; dur: number }>();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== "Node" || !name.endsWith("_kernel_time") || ts < from) continue;
    const operator = args?.op_name ?? "";
    const sum = sums.get(operator) ?? { count: 0, dur: 0 };
    sums.set(operator, { count: sum.count + 1, dur: sum.dur + dur });
  }
  const runs = starts.length;
  return new Map([...sums].map(([name, { count, dur }]) => [name, { nodes: count / runs, ms: dur / 1000 / runs }]));
}

export const totalTime = (profile: Profile): number => [...profile.values()].reduce((sum, { ms }) => sum + ms, 0);

/** What no rewriting of the graph takes away: the arithmetic that the model is there for. */
const arithmetic: ReadonlySet<string> = new Set([
  "Attention",
  "Conv",
  "ConvTranspose",
  "FusedConv",
  "FusedGemm",
  "FusedMatMul",
  "Gemm",
  "MatMul",
  "MultiHeadAttention",
]);

/** The share of the time that is not convolution, matrix product or attention: all that graph work can hope for. */
export function headroomOf(profile: Profile): number {
  const rest = [...profile].reduce((sum, [operator, { ms }]) => sum + (arithmetic.has(operator) ? 0 : ms), 0);
  return rest / totalTime(profile);
}

/** The share of A's headroom that B took: (A - B) / (A headroom), of the ratio B / A. */
export const headroomTaken = (headroom: number, ratio: number): number => (1 - ratio) / headroom;

const skippedRuns = 2;

/** Profiles model files side by side on one thread, their runs in turns. */
export async function profileFiles(
  ort: OrtRuntime,
  files: readonly string[],
  input: NpyArray,
  runs: number,
): Promise<Profile[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "timmc-profile-"));
  const traceOf = (index: number): string => `${index}-`;
  try {
    const sessions: Session[] = [];
    try {
      for (const [i, file] of files.entries())
        sessions.push(await ort.open(file, { threads: 1, profile: path.join(folder, traceOf(i)) }));
      for (let run = 0; run < skippedRuns + runs; run++) for (const session of sessions) await session.run(input);
    } finally {
      for (const session of sessions) await session.close();
    }
    return files.map((_, i) => readProfile(readTrace(folder, traceOf(i)), skippedRuns));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readTrace(folder: string, prefix: string): TraceEvent[] {
  const name = readdirSync(folder).find((file) => file.startsWith(prefix)) ?? prefix;
  return JSON.parse(readFileSync(path.join(folder, name), "utf8")) as TraceEvent[];
}
