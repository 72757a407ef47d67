import { existsSync } from "node:fs";
import { join } from "node:path";
import { refuseInterrupted } from "../backends/interrupt.ts";
import { bytesOf } from "../backends/kernel/bindings.ts";
import { buildProgram } from "../backends/kernel/build.ts";
import { legalizeWgsl } from "../backends/kernel/legalize.ts";
import { type Candidate, type TunedShape, shapesToTune } from "../backends/kernel/tune.ts";
import type { Watch } from "../backends/write-parts.ts";
import { TimmcError } from "../ir/error.ts";
import type { Graph } from "../ir/graph.ts";
import { runPipeline } from "../passes/pass.ts";
import type { OptimizationLevel } from "../passes/presets.ts";
import { manifestName, writeWhole } from "./artifact-files.ts";
import { loadArtifact } from "./artifact.ts";
import type { KernelTimer, TimedKernel } from "./kernel-timer.ts";
import { type LowerRequest, lowerRequest } from "./lower-request.ts";
import { defaultLevel, pipelineOf } from "./pipeline.ts";
import { median } from "./statistics.ts";
import { kernelGraph } from "./target/kernels.ts";
import { checkedRequest, targetOf } from "./target/targets.ts";
import { type Tuning, readTuning, tuningText, tuningVersion } from "./tuning.ts";
import { recordedLowering } from "./verify-source.ts";

export interface TuneRequest extends LowerRequest, Watch {
  /** The file; what it holds of other shapes of the same device stays. */
  readonly out: string;
  readonly target?: "webgpu" | undefined;
  readonly optimization?: OptimizationLevel | undefined;
  readonly passes?: readonly string[] | null | undefined;
  /** Tiles of each shape that are measured; default 12. */
  readonly candidates?: number | undefined;
  /** Measurements of each; default 7. */
  readonly rounds?: number | undefined;
  /** What measures; default this machine's WebGPU device. */
  readonly timer?: ((bytes: number) => Promise<KernelTimer>) | undefined;
}

/** What was measured of a shape. */
interface TunedResult {
  readonly shape: string;
  /** The module path of the first of its kernels, and how many there are. */
  readonly module: string;
  readonly kernels: number;
  readonly candidates: number;
  readonly ms: number;
  readonly default_ms: number;
}

export interface TuneReport {
  readonly device: string;
  readonly file: string;
  readonly shapes: readonly TunedResult[];
  /** Milliseconds of all kernels of the model, with the table's tiles and with those of the file. */
  readonly default_ms: number;
  readonly ms: number;
}

/** A tile takes the place of the table's where it is faster by more than noise makes it. */
const leastGain = 0.03;
/** Candidates that take this many times the best one's time are measured no further. */
const hopeless = 1.5;

/**
 * Measures tiles for every kernel of a model, or of an artifact's, on the present device and writes the best ones to a file for
 * `compile`. Throws TimmcError; a file that was there before stays whole.
 */
export async function tune(asked: TuneRequest): Promise<TuneReport> {
  const { out, signal, progress, candidates = 12, rounds = 7, timer: open = webGpuTimer } = asked;
  const before = existsSync(out) ? readTuning(out) : undefined;
  progress?.(`lowering ${asked.model}`);
  const graph = await tunedGraph(asked);
  const shapes = shapesToTune(buildProgram(kernelGraph(graph)).kernels, legalizeWgsl, candidates);
  const bytes = shapes.flatMap((s) => s.candidates.flatMap(({ kernel }) => kernel.buffers.map(bytesOf)));
  const timer = await open(bytes.reduce((most, n) => Math.max(most, n), 0));
  try {
    if (before !== undefined && before.device !== timer.device)
      throw new TimmcError("usage", `the file is of another device: ${before.device}, and this is ${timer.device}`, {
        trail: [out],
        hint: "Name another file: each device has one of its own.",
      });
    const found: (Measured & TunedShape)[] = [];
    for (const shape of shapes) {
      refuseInterrupted(signal);
      progress?.(`measuring ${found.length + 1} of ${shapes.length}: ${shape.name}`);
      found.push({ ...shape, ...(await measure(shape.candidates, timer, { rounds, signal })) });
    }
    const measured = found.map((f) => [f.shape.key, { tile: f.tile, ms: f.ms, default_ms: f.default_ms }] as const);
    const tuning: Tuning = {
      tuning_version: tuningVersion,
      target: "webgpu",
      device: timer.device,
      shapes: { ...before?.shapes, ...Object.fromEntries(measured) },
    };
    writeWhole(out, tuningText(tuning));
    const sum = (of: (f: Measured) => number): number => found.reduce((n, f) => n + of(f) * f.count, 0);
    return {
      device: timer.device,
      file: out,
      shapes: found.map((f) => ({
        shape: f.shape.key,
        module: f.name,
        kernels: f.count,
        candidates: f.candidates.length,
        ms: f.ms,
        default_ms: f.default_ms,
      })),
      default_ms: sum((f) => f.default_ms),
      ms: sum((f) => f.ms),
    };
  } finally {
    await timer.close();
  }
}

const webGpuTimer = async (bytes: number): Promise<KernelTimer> =>
  (await import("./webgpu-timer.ts")).openWebGpuTimer(bytes);

/** The graph whose kernels are measured: an artifact's request, where a folder with a manifest is named. */
async function tunedGraph(asked: TuneRequest): Promise<Graph> {
  const target = asked.target ?? "webgpu";
  if (existsSync(join(asked.model, manifestName))) {
    const { manifest } = await loadArtifact(asked.model);
    if (manifest.source.model === null)
      throw new TimmcError("usage", "the artifact was compiled from a local folder, which its manifest does not name", {
        trail: [asked.model],
        hint: "Name the model in place of the artifact.",
      });
    const { optimization, passes } = manifest.request;
    const request = { model: manifest.source.model, ...recordedLowering(manifest), target, optimization, passes };
    return optimised({ ...request, batch: request.batch === "dynamic" ? undefined : request.batch });
  }
  return optimised({ ...asked, target });
}

async function optimised(
  asked: LowerRequest & Pick<TuneRequest, "target" | "optimization" | "passes">,
): Promise<Graph> {
  const request = checkedRequest(asked);
  const lowering = await lowerRequest(request);
  targetOf(request).requireModel(lowering, request);
  const { graph } = lowering.lowered;
  runPipeline(graph, pipelineOf(request.optimization ?? defaultLevel, request.passes, { target: request.target }));
  return graph;
}

interface Measured {
  readonly tile: Candidate["tile"];
  readonly ms: number;
  readonly default_ms: number;
}

/** The best candidate by the median of measurements in turns; the first stays unless another is better by more than noise. */
async function measure(
  candidates: readonly Candidate[],
  timer: KernelTimer,
  { rounds, signal }: { readonly rounds: number; readonly signal: AbortSignal | undefined },
): Promise<Measured> {
  const ready = await timer.prepare(candidates.map(({ kernel }) => kernel));
  const lanes = candidates.flatMap(({ tile }, i) => {
    const kernel = ready[i];
    return kernel === undefined ? [] : [{ tile, kernel, times: [] as number[] }];
  });
  const [first] = lanes;
  if (first === undefined || ready[0] === undefined)
    throw new TimmcError("unsupported", "the device does not take a kernel as timmc writes it by itself");
  let left = lanes;
  await warmUp(lanes.map(({ kernel }) => kernel));
  for (let round = 0; round < rounds && (left.length > 1 || round === 0); round++) {
    for (const lane of round % 2 === 0 ? left : left.toReversed()) {
      refuseInterrupted(signal);
      lane.times.push(await lane.kernel.time());
    }
    const best = Math.min(...left.map(({ times }) => median(times)));
    left = left.filter((lane) => lane === first || median(lane.times) <= best * hopeless);
  }
  const timed = left.map(({ tile, times }) => ({ tile, ms: median(times) }));
  const own = median(first.times);
  const best = timed.reduce((a, b) => (b.ms < a.ms ? b : a));
  const gains = best.ms < own * (1 - leastGain);
  return gains ? { ...best, default_ms: own } : { tile: first.tile, ms: own, default_ms: own };
}

/** Twice: the first run finds how often a kernel is to run in a measurement. */
async function warmUp(kernels: readonly TimedKernel[]): Promise<void> {
  for (const kernel of [...kernels, ...kernels]) await kernel.time();
}
