import { availableParallelism } from "node:os";
import { TimmcError } from "../ir/error.ts";
import { count } from "../ir/type.ts";
import type { NpyArray } from "../runtime/npy.ts";
import { type OrtSession, loadOrt } from "../runtime/ort.ts";
import { type Artifact, loadArtifact, runnableModel } from "./artifact.ts";
import type { Watch } from "./artifact-model.ts";
import { inputShape, recipeInput } from "./input-tensor.ts";
import { refuseInterrupted } from "./interrupt.ts";
import type { Manifest } from "./manifest.ts";
import { pipelineName } from "./pipeline.ts";

export interface BenchOptions extends Watch {
  /** Images per run; default the artifact's own fixed batch, or 1. */
  readonly batch?: number | undefined;
  /** Measured runs of each artifact; default 30. */
  readonly runs?: number | undefined;
  /** Threads of one operator; default: one per core. */
  readonly threads?: number | undefined;
}

export interface ArtifactTiming {
  readonly artifact: string;
  readonly architecture: string;
  readonly optimization: string;
  readonly batch: number;
  /** Milliseconds of a run: the median, the 95th percentile, the quickest. */
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly min_ms: number;
  readonly images_per_second: number;
  /** Median of this artifact over the median of the first one. */
  readonly ratio: number;
}

export interface BenchReport {
  readonly runtime: { readonly name: "onnxruntime-node"; readonly version: string };
  /** Null: one per core. */
  readonly threads: number | null;
  readonly runs: number;
  readonly artifacts: readonly ArtifactTiming[];
}

/** Runs before the measured ones: allocations settle, caches and clocks warm up. */
const warmUpRuns = 3;

/** One gibibyte of float32. */
const maxInputElements = 2 ** 28;

/** More threads than this only take turns, and tens of thousands stop the whole machine. */
const maxThreads = 4 * availableParallelism();

interface Contender {
  readonly artifact: Artifact;
  readonly session: OrtSession;
  readonly input: NpyArray;
  readonly times: number[];
}

/**
 * Times artifacts side by side on the recipe's input. Their runs take turns, in an order that turns over each round, so
 * that a machine that slows down slows all of them; no session's idle threads spin, which would slow the next one's.
 * Throws TimmcError.
 */
export async function bench(folders: readonly string[], options: BenchOptions = {}): Promise<BenchReport> {
  const { runs = 30, threads, signal, progress } = options;
  if (threads !== undefined && threads > maxThreads)
    throw new TimmcError("usage", `${threads} threads are more than the ${maxThreads} that help on this machine`, {
      hint: "leave --threads out for one thread per core",
    });
  const ort = await loadOrt();
  const contenders: Contender[] = [];
  try {
    for (const folder of folders) {
      refuseInterrupted(signal);
      progress?.(`loading ${folder}`);
      const artifact = await loadArtifact(folder);
      const input = inputOf(artifact, options.batch);
      const session = await ort.open(runnableModel(artifact), { threads, spinning: false });
      contenders.push({ artifact, session, input, times: [] });
    }
    for (let run = -warmUpRuns; run < runs; run++) {
      progress?.(run < 0 ? "warming up" : `run ${run + 1} of ${runs}`);
      for (const contender of run % 2 === 0 ? contenders : contenders.toReversed()) {
        refuseInterrupted(signal);
        const from = performance.now();
        await contender.session.run(contender.input);
        if (run >= 0) contender.times.push(performance.now() - from);
      }
    }
    const baseline = quantile(contenders[0]?.times ?? [], 0.5);
    return {
      runtime: { name: "onnxruntime-node", version: ort.version },
      threads: threads ?? null,
      runs,
      artifacts: contenders.map((c) => timingOf(c, baseline)),
    };
  } finally {
    for (const { session } of contenders) await session.close();
  }
}

function inputOf({ folder, manifest }: Artifact, asked: number | undefined): NpyArray {
  const [fixed] = manifest.input.shape;
  if (typeof fixed === "number" && asked !== undefined && asked !== fixed)
    throw new TimmcError("usage", `the artifact takes batches of ${fixed}, not of ${asked}`, {
      trail: [folder],
      hint: "Compile it with --batch dynamic.",
    });
  const shape = inputShape(manifest, asked ?? 1);
  if (count(shape) > maxInputElements)
    throw new TimmcError("usage", `an input of ${shape.join("x")} is more than bench feeds`, {
      trail: [folder],
      hint: `Ask for a smaller --batch: at most ${maxInputElements} numbers.`,
    });
  return recipeInput(manifest, shape);
}

function timingOf({ artifact: { folder, manifest }, input, times }: Contender, baseline: number): ArtifactTiming {
  const p50 = quantile(times, 0.5);
  const batch = input.shape[0] ?? 1;
  return {
    artifact: folder,
    architecture: manifest.source.architecture,
    optimization: optimizationOf(manifest),
    batch,
    p50_ms: p50,
    p95_ms: quantile(times, 0.95),
    min_ms: quantile(times, 0),
    images_per_second: (1000 * batch) / p50,
    ratio: p50 / baseline,
  };
}

/** The level, or the passes that were asked for in its place. */
const optimizationOf = ({ request: { optimization, passes } }: Manifest): string =>
  passes === null ? optimization : pipelineName(optimization, passes);

/** The value below which the fraction `q` of the samples lies, linear between neighbours; NaN of none. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const position = q * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? NaN;
  const above = sorted[Math.ceil(position)] ?? NaN;
  return below + (above - below) * (position - Math.floor(position));
}
