import { availableParallelism } from "node:os";
import { TimmcError } from "../ir/error.ts";
import { count } from "../ir/type.ts";
import type { NpyArray } from "../runtime/npy.ts";
import type { KernelTime, RuntimeFacts, Session } from "../runtime/session.ts";
import { type Artifact, loadArtifact, requireWeights } from "./artifact.ts";
import { artifactAt, artifactSizes } from "./artifact-sizes.ts";
import type { Watch } from "../backends/write-parts.ts";
import { inputShape, recipeInput } from "./input-tensor.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";
import type { Manifest } from "./manifest.ts";
import { pipelineName } from "./pipeline.ts";
import type { TargetName } from "./target/names.ts";
import type { Runtime } from "./target/target.ts";
import { targetOf } from "./target/targets.ts";
import type { Size } from "./sizes.ts";
import { estimate, quantile, quotients } from "./statistics.ts";

interface BenchOptions extends Watch {
  /** Images per run; default the artifact's own fixed batch, or 1. */
  readonly batch?: number | undefined;
  /** The height and width to run; default the artifact's own, and of several each. */
  readonly size?: Size | undefined;
  /** Measured runs of each artifact; default 30. */
  readonly runs?: number | undefined;
  /** Threads of one operator; default: one per core. */
  readonly threads?: number | undefined;
  /** Is told what a user should know of how a model runs. */
  readonly note?: ((text: string) => void) | undefined;
  /** Also measures each kernel, where a runtime can. */
  readonly profile?: boolean | undefined;
}

/** What distinguishes artifacts, as text. */
interface ArtifactTraits {
  readonly model: string;
  readonly target: TargetName;
  /** The level, or the passes that were asked for in its place. */
  readonly optimization: string;
  /** Empty where the target is not ONNX, and so is the opset. */
  readonly onnx_ops: string;
  readonly opset: string;
  /** Type and shape as it ran: pixels where the artifact preprocesses. */
  readonly input: string;
  readonly taps: string;
  /** timm's arguments, as they were given. */
  readonly args: string;
}

interface ArtifactTiming extends ArtifactTraits {
  readonly artifact: string;
  readonly architecture: string;
  readonly batch: number;
  /** Milliseconds of a run: the median, the 95th percentile, the quickest. */
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly min_ms: number;
  readonly images_per_second: number;
  /** Time per image over that of the first artifact: the median over the rounds. */
  readonly ratio: number;
  /** Where that median lies with a confidence of about 95 %; all rounds where they are fewer than seven. */
  readonly ratio_low: number;
  readonly ratio_high: number;
  /** With `profile`: each kernel of a run, in order, as the median of the rounds; null where the runtime cannot tell. */
  readonly kernels?: readonly KernelTime[] | null;
}

export interface BenchReport {
  /** Of the targets that were timed. */
  readonly runtimes: { readonly [N in TargetName]?: RuntimeFacts };
  /** Null: one per core. */
  readonly threads: number | null;
  readonly runs: number;
  readonly artifacts: readonly ArtifactTiming[];
  /** What a reader of the ratios must know. */
  readonly notes: readonly string[];
}

/** Fewer runs than this give no ratio to rely on. */
const enoughRuns = 10;

/** Runs before the measured ones: allocations settle, caches and clocks warm up. */
const warmUpRuns = 3;

/** One gibibyte of float32. */
const maxInputElements = 2 ** 28;

/** More threads than this only take turns, and tens of thousands stop the whole machine. */
const maxThreads = 4 * availableParallelism();

/** Rounds of which the median is a kernel's time. */
const profiledRuns = 5;

interface Contender {
  readonly artifact: Artifact;
  readonly session: Session;
  readonly input: NpyArray;
  readonly times: number[];
}

/**
 * Times artifacts side by side on the recipe's input. Their runs take turns, in an order that turns over each round, so
 * that a machine that slows down slows all of them; no session's idle threads spin, which would slow the next one's.
 * Throws TimmcError.
 */
export async function bench(folders: readonly string[], options: BenchOptions = {}): Promise<BenchReport> {
  const { runs = 30, threads, signal, progress, note } = options;
  if (threads !== undefined && threads > maxThreads)
    throw new TimmcError("usage", `${threads} threads are more than the ${maxThreads} that help on this machine`, {
      hint: "leave --threads out for one thread per core",
    });
  const runtimes = new Map<TargetName, Runtime>();
  const contenders: Contender[] = [];
  try {
    for (const folder of folders) {
      refuseInterrupted(signal);
      progress?.(`loading ${folder}`);
      const whole = await loadArtifact(folder);
      const { name, load } = targetOf(whole.manifest.target);
      for (const artifact of options.size === undefined ? artifactSizes(whole) : [artifactAt(whole, options.size)]) {
        const input = inputOf(artifact, options.batch);
        requireWeights(artifact);
        const runtime = runtimes.get(name) ?? (await load());
        runtimes.set(name, runtime);
        const session = await runtime.open(artifact, { threads, spinning: false, signal, progress, note });
        contenders.push({ artifact, session, input, times: [] });
      }
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
    const timings = contenders.map((c) => timingOf(c, contenders[0] ?? c));
    const artifacts = options.profile === true ? await withKernels(timings, contenders, options) : timings;
    const idle = [...runtimes.values()].filter(({ hasThreads }) => threads !== undefined && !hasThreads);
    return {
      runtimes: Object.fromEntries([...runtimes].map(([name, { facts }]) => [name, facts])),
      threads: threads ?? null,
      runs,
      artifacts,
      notes: [...idle.map(({ facts }) => `--threads has no effect on ${facts.name}`), ...notesOn(artifacts, runs)],
    };
  } finally {
    for (const { session } of contenders) await session.close();
  }
}

/** Adds what each kernel takes. */
async function withKernels(
  timings: readonly ArtifactTiming[],
  contenders: readonly Contender[],
  { signal, progress }: Watch,
): Promise<ArtifactTiming[]> {
  const profiled: ArtifactTiming[] = [];
  for (const [i, { session, input }] of contenders.entries()) {
    const rounds: (readonly KernelTime[])[] = [];
    for (let run = 0; run < profiledRuns; run++) {
      refuseInterrupted(signal);
      progress?.(`profiling, run ${run + 1} of ${profiledRuns}`);
      rounds.push((await session.profile?.(input)) ?? []);
    }
    const [first = []] = rounds;
    const medians = first.map(({ name }, at) => ({
      name,
      ms: quantile(
        rounds.map((r) => r[at]?.ms ?? 0),
        0.5,
      ),
    }));
    profiled.push(...timings.slice(i, i + 1).map((t) => ({ ...t, kernels: medians.length === 0 ? null : medians })));
  }
  return profiled;
}

function inputOf({ folder, manifest }: Artifact, asked: number | undefined): NpyArray {
  const [fixed] = manifest.input.shape;
  if (typeof fixed === "number" && asked !== undefined && asked !== fixed)
    throw new TimmcError("usage", `the artifact takes batches of ${fixed}, not of ${asked}`, {
      trail: [folder],
      hint: `Compile it with --batch ${targetOf(manifest.target).defaultBatch === "dynamic" ? "dynamic" : asked}.`,
    });
  const shape = inputShape(manifest, asked ?? 1);
  if (count(shape) > maxInputElements)
    throw new TimmcError("usage", `an input of ${shape.join("x")} is more than bench feeds`, {
      trail: [folder],
      hint: `Ask for a smaller --batch: at most ${maxInputElements} numbers.`,
    });
  return recipeInput(manifest, shape);
}

function timingOf({ artifact: { folder, manifest }, input, times }: Contender, first: Contender): ArtifactTiming {
  const p50 = quantile(times, 0.5);
  const batch = input.shape[0] ?? 1;
  const perImage = (first.input.shape[0] ?? 1) / batch;
  const ratio = estimate(quotients(times, first.times));
  return {
    artifact: folder,
    architecture: manifest.source.architecture,
    ...traitsOf(manifest, input.shape),
    batch,
    p50_ms: p50,
    p95_ms: quantile(times, 0.95),
    min_ms: quantile(times, 0),
    images_per_second: (1000 * batch) / p50,
    ratio: ratio.median * perImage,
    ratio_low: ratio.low * perImage,
    ratio_high: ratio.high * perImage,
  };
}

function traitsOf({ source, request, target, input }: Manifest, shape: readonly number[]): ArtifactTraits {
  const { architecture, tag } = source;
  const args = Object.entries(request.args).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const { optimization, passes } = request;
  // The batch has a column of its own.
  const [, ...extents] = shape;
  return {
    model: tag === "" ? architecture : `${architecture}.${tag}`,
    optimization: passes === null ? optimization : pipelineName(optimization, passes),
    target: target.name,
    onnx_ops: request.onnx_ops ?? "",
    opset: "opset" in target ? String(target.opset) : "",
    input: `${input.dtype}[N,${extents.join(",")}]`,
    taps: request.taps.join(","),
    args: args.join(" "),
  };
}

/** The traits in which artifacts differ. */
export const differingTraits = (artifacts: readonly ArtifactTraits[]): (keyof ArtifactTraits)[] =>
  traitNames.filter((name) => new Set(artifacts.map((a) => a[name])).size > 1);

const traitNames = [
  "model",
  "target",
  "optimization",
  "onnx_ops",
  "opset",
  "input",
  "taps",
  "args",
] as const satisfies readonly (keyof ArtifactTraits)[];

/** Differences that are no way to emit the same computation. */
const workNames = ["model", "input", "taps", "args"] as const;

function notesOn(artifacts: readonly ArtifactTiming[], runs: number): string[] {
  if (artifacts.length < 2) return [];
  const differing = new Set<string>(differingTraits(artifacts));
  const work: string[] = workNames.filter((name) => differing.has(name));
  if (new Set(artifacts.map((a) => a.batch)).size > 1) work.push("batch");
  const listed = work.join(", ").replace(/, ([^,]*)$/, " and $1");
  return [
    ...(work.length > 0
      ? [`the artifacts differ in ${listed}: the ratio is not what their optimisation gains alone`]
      : []),
    ...(runs < enoughRuns
      ? [`${runs} run${runs === 1 ? " is" : "s are"} too few for a ratio to rely on: use --runs ${enoughRuns} or more`]
      : []),
  ];
}
