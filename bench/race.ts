import { refuseInterrupted } from "../src/backends/interrupt.ts";
import type { NpyArray } from "../src/runtime/npy.ts";
import type { OrtRuntime } from "../src/runtime/ort.ts";
import type { Session } from "../src/runtime/session.ts";
import { type Estimate, estimate, geometricMean, halfWidth, median, overHeats, quotients } from "./statistics.ts";

export interface RaceOptions {
  readonly threads: number;
  /** Rounds; without it as many as precision needs and time allows. */
  readonly runs?: number | undefined;
  readonly signal: AbortSignal;
}

/** What two files take, with A in two sessions. Milliseconds of a run; ratios are B over A. */
export interface RaceResult {
  readonly threads: number;
  readonly rounds: number;
  readonly wallA: number;
  readonly wallB: number;
  readonly cpuA: number;
  readonly cpuB: number;
  readonly wall: Estimate;
  readonly cpu: Estimate;
  /**
   * The clock that decides. One thread computes or waits, and only the waiting is other programs' doing: CPU time. Of
   * several, CPU time does not tell how well they work side by side: wall time.
   */
  readonly clock: Clock;
  /** The second session of A over the first by that clock: what a ratio of 1 looks like. */
  readonly sameFile: Estimate;
}

export type Clock = "wall" | "cpu";

/**
 * Sessions are created anew in each: where their memory comes to lie moves the time of a small model by a percent or two
 * for as long as they live, which no number of runs of the same sessions would show.
 */
const heats = 3;
/** Of a heat, before its measured ones: memory is placed, clocks are up. */
const warmUpRounds = 2;
const leastRounds = 12;
const mostRounds = 120;
/** Half-width of the ratio's interval at which a race ends. */
const precision = 0.004;
/** Milliseconds of measured rounds after which a race ends all the same. */
const timeLimit = 10_000;

const clockOf = (threads: number): Clock => (threads === 1 ? "cpu" : "wall");

/** Measured times of one side in all heats, round by round. */
type Times = { readonly [C in Clock]: number[] };

interface Lane extends Times {
  readonly file: string;
}

/**
 * Runs A, B and A again in turns. The order rotates and turns over, so that each follows each equally often; idle threads
 * do not spin, since they would take the cores from the run that comes next.
 */
export async function race(
  ort: OrtRuntime,
  files: { readonly a: string; readonly b: string },
  input: NpyArray,
  options: RaceOptions,
): Promise<RaceResult> {
  const lanes = [files.a, files.b, files.a].map((file): Lane => ({ file, wall: [], cpu: [] }));
  const ends: number[] = [];
  const count = Math.min(heats, options.runs ?? heats);
  for (let heat = 1; heat <= count; heat++) {
    await runHeat(ort, lanes, input, options, heat / count);
    ends.push(roundsOf(lanes));
  }
  return summarise(lanes, options.threads, ends);
}

const roundsOf = ([first]: readonly Lane[]): number => first?.wall.length ?? 0;

/** Measures until the race has the share `part` of its rounds. */
async function runHeat(
  ort: OrtRuntime,
  lanes: readonly Lane[],
  input: NpyArray,
  { threads, runs, signal }: RaceOptions,
  part: number,
): Promise<void> {
  const sessions: { readonly session: Session; readonly times: Times }[] = [];
  try {
    for (const times of orderOf(lanes, roundsOf(lanes)))
      sessions.push({ times, session: await ort.open(times.file, { threads, spinning: false }) });
    for (let round = 0; round < warmUpRounds; round++) for (const { session } of sessions) await session.run(input);
    const start = performance.now();
    while (!isEnough(lanes, { threads, runs }, part, performance.now() - start)) {
      for (const { session, times } of orderOf(sessions, roundsOf(lanes))) {
        refuseInterrupted(signal);
        await timeRun(session, times, input);
      }
    }
  } finally {
    for (const { session } of sessions) await session.close();
  }
}

function orderOf<T>(lanes: readonly T[], round: number): readonly T[] {
  const first = round % lanes.length;
  const rotated = [...lanes.slice(first), ...lanes.slice(0, first)];
  return Math.floor(round / lanes.length) % 2 === 0 ? rotated : rotated.toReversed();
}

async function timeRun(session: Session, { wall, cpu }: Times, input: NpyArray): Promise<void> {
  const cpuFrom = process.cpuUsage();
  const from = performance.now();
  await session.run(input);
  wall.push(performance.now() - from);
  const { user, system } = process.cpuUsage(cpuFrom);
  cpu.push((user + system) / 1000);
}

function isEnough(
  lanes: readonly Lane[],
  { threads, runs }: Pick<RaceOptions, "threads" | "runs">,
  part: number,
  heatTime: number,
): boolean {
  const rounds = roundsOf(lanes);
  if (runs !== undefined) return rounds >= runs * part;
  if (rounds < leastRounds * part) return false;
  if (rounds >= mostRounds * part || heatTime >= timeLimit / heats) return true;
  // Intervals are looked at now and then, on whole turns of the order; looking always would end on lucky ones.
  if (rounds % (2 * lanes.length) !== 0 || rounds < 30 * part) return false;
  return halfWidth(ratiosOf(lanes, clockOf(threads)).ratio) < precision;
}

/** Round by round, so that a machine that slows down slows both sides of each quotient. */
function ratiosOf(
  [a, b, again]: readonly Lane[],
  clock: Clock,
): { readonly ratio: Estimate; readonly same: readonly number[] } {
  const [first, other, second] = [a?.[clock] ?? [], b?.[clock] ?? [], again?.[clock] ?? []];
  const both = first.map((time, i) => geometricMean([time, second[i] ?? NaN]));
  return { ratio: estimate(quotients(other, both)), same: quotients(second, first) };
}

function summarise(lanes: readonly Lane[], threads: number, ends: readonly number[]): RaceResult {
  const [a, b, again] = lanes;
  const clock = clockOf(threads);
  const { same } = ratiosOf(lanes, clock);
  const byHeat = ends.map((end, heat) => same.slice(ends[heat - 1] ?? 0, end));
  return {
    threads,
    rounds: roundsOf(lanes),
    wallA: median([...(a?.wall ?? []), ...(again?.wall ?? [])]),
    wallB: median(b?.wall ?? []),
    cpuA: median([...(a?.cpu ?? []), ...(again?.cpu ?? [])]),
    cpuB: median(b?.cpu ?? []),
    wall: ratiosOf(lanes, "wall").ratio,
    cpu: ratiosOf(lanes, "cpu").ratio,
    clock,
    sameFile: overHeats(byHeat),
  };
}

/** Milliseconds that creating a session takes, medians of creations in turns. */
export interface Creation {
  readonly a: number;
  readonly b: number;
}

/** Pairs of creations, and milliseconds after which no more begin. */
const creations = { least: 3, most: 15, time: 2500 } as const;

export async function raceCreation(
  ort: OrtRuntime,
  files: { readonly a: string; readonly b: string },
  signal: AbortSignal,
): Promise<Creation> {
  const times = { a: [] as number[], b: [] as number[] };
  const start = performance.now();
  for (let turn = 0; turn < creations.most; turn++) {
    if (turn >= creations.least && performance.now() - start > creations.time) break;
    for (const side of turn % 2 === 0 ? (["a", "b"] as const) : (["b", "a"] as const)) {
      refuseInterrupted(signal);
      const from = performance.now();
      const session = await ort.open(files[side], { threads: 1, spinning: false });
      times[side].push(performance.now() - from);
      await session.close();
    }
  }
  return { a: median(times.a), b: median(times.b) };
}
