import { type Dim, printDim } from "../ir/dim.ts";
import { byteSize } from "../ir/dtype.ts";
import { TimmcError } from "../ir/error.ts";
import type { Graph } from "../ir/graph.ts";
import { printGraph } from "../ir/printer.ts";
import { count, isStaticType, substituteType } from "../ir/type.ts";
import type { Value } from "../ir/value.ts";
import { channelsOf } from "../frontend/taps.ts";
import { didYouMean, nearNames, quote } from "../frontend/suggest.ts";
import { runPipeline } from "../passes/pass.ts";
import { presets } from "../passes/presets.ts";
import type { Stage } from "../zoo/family.ts";
import { describeTap } from "./describe-tap.ts";
import { type LowerRequest, type LoweredRequest, lowerRequest, withDynamicBatch } from "./lower-request.ts";
import type { ManifestOutput } from "./manifest.ts";
import { type Cost, costsUpTo } from "./stage-costs.ts";

/** One row of the feature-stage table. Costs are at batch 1. */
export interface StageReport {
  /** timm's absolute feature index: the tap is `features.INDEX`. */
  readonly index: number;
  readonly module: string;
  readonly channels: number | string;
  readonly reduction: number;
  readonly shape: readonly (number | string)[];
  readonly format: string;
  /** Whether `features` selects it. */
  readonly default: boolean;
  /** Multiply-accumulates of the stage and of everything that it depends on. */
  readonly macs: number;
  /** Parameters that are read up to here. */
  readonly params: number;
  /** Bytes of the stage's output; null where its size is not known. */
  readonly bytes: number | null;
}

export interface Inspection {
  readonly architecture: string;
  readonly tag: string;
  readonly family: string;
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly buffers: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Elements of all parameters. */
  readonly params: number;
  /** Multiply-accumulates of the whole network to its logits, at batch 1. */
  readonly macs: number;
  readonly input: { readonly name: string; readonly dtype: string; readonly shape: readonly (number | null)[] };
  readonly features: readonly StageReport[];
  readonly outputs: readonly ManifestOutput[];
  readonly notices: readonly string[];
  /** The graph as text, where it was asked for. */
  readonly ir?: string;
}

export interface InspectRequest extends LowerRequest {
  /** Adds the graph's text: as of -O0, or after the last run of a pass of the -O2 pipeline. */
  readonly ir?: { readonly after?: string | undefined } | undefined;
}

/** Everything about a model that needs no weights. Throws TimmcError, `usage` for a pass that is none. */
export async function inspect(request: InspectRequest): Promise<Inspection> {
  const stop = request.ir === undefined ? 0 : passesUpTo(request.ir.after);
  const lowering = await lowerRequest(request);
  const inspection = inspectLowered(lowering, request);
  return request.ir === undefined ? inspection : { ...inspection, ir: printAfter(lowering.lowered.graph, stop) };
}

/** The same for a graph that is there already, without its text. */
export function inspectLowered(lowering: LoweredRequest, request: Pick<LowerRequest, "batch">): Inspection {
  const { resolved, lowered, taps, notices } = lowering;
  const entries = (kind: "parameter" | "buffer") =>
    lowered.parameters.filter((p) => p.kind === kind).map(({ name, shape }) => ({ name, shape }));
  const parameters = entries("parameter");
  const { features, macs } = describeCosts(lowering, withDynamicBatch(lowering, request));
  return {
    architecture: resolved.architecture,
    tag: resolved.tag,
    family: resolved.family.name,
    parameters,
    buffers: entries("buffer"),
    params: parameters.reduce((n, p) => n + count(p.shape), 0),
    macs,
    input: {
      name: "input",
      dtype: lowered.input.type.dtype,
      shape: lowered.input.type.shape.map((d) => (typeof d === "number" ? d : null)),
    },
    features,
    outputs: taps.map(describeTap),
    notices,
  };
}

/** The stages with their costs, and the cost of the whole, both per image: `perImage` has a dynamic batch, counted as 1. */
function describeCosts({ lowered, stages }: LoweredRequest, { lowered: perImage }: LoweredRequest) {
  const { model, parameters } = perImage;
  const names = new Set(parameters.filter((p) => p.kind === "parameter").map((p) => p.name));
  const costs = costsUpTo([...model.stages.map((s) => [s.value]), model.logits], names);
  const features = lowered.model.stages.map((stage, index) =>
    describeStage(stage, index, {
      cost: costs[index],
      bytes: bytesPerImage(model.stages[index]?.value),
      isDefault: stages.includes(index),
    }),
  );
  return { features, macs: costs.at(-1)?.macs ?? 0 };
}

interface StageFacts {
  readonly cost: Cost | undefined;
  readonly bytes: number | null;
  readonly isDefault: boolean;
}

const describeStage = (stage: Stage, index: number, { cost, bytes, isDefault }: StageFacts): StageReport => ({
  index,
  module: stage.module,
  channels: shown(channelsOf(stage)),
  reduction: stage.reduction,
  shape: stage.value.type.shape.map(shown),
  format: stage.format,
  default: isDefault,
  macs: cost?.macs ?? 0,
  params: cost?.params ?? 0,
  bytes,
});

const shown = (d: Dim): number | string => (typeof d === "number" ? d : printDim(d));

function bytesPerImage(value: Value | undefined): number | null {
  if (value === undefined) return null;
  const type = substituteType(value.type, { N: 1 });
  return isStaticType(type) ? count(type.shape) * byteSize(type.dtype) : null;
}

/** How many passes of -O2 run before the text is printed; without a name those of -O0. */
function passesUpTo(after: string | undefined): number {
  if (after === undefined) return 0;
  const names = presets.O2.map((pass) => pass.name);
  const last = names.lastIndexOf(after);
  if (last >= 0) return last + 1;
  throw new TimmcError("usage", `-O2 has no pass ${quote(after)}`, {
    hint: didYouMean(nearNames(after, new Set(names))) ?? `Its passes are ${[...new Set(names)].join(", ")}.`,
  });
}

function printAfter(graph: Graph, stop: number): string {
  runPipeline(graph, stop === 0 ? presets.O0 : presets.O2.slice(0, stop));
  return printGraph(graph);
}
