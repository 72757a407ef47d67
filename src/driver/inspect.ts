import type { Graph } from "../ir/graph.ts";
import { printGraph } from "../ir/printer.ts";
import { count } from "../ir/type.ts";
import { channelsOf } from "../frontend/taps.ts";
import { type Pipeline, runPipeline } from "../passes/pass.ts";
import type { OptimizationLevel } from "../passes/presets.ts";
import type { Stage } from "../zoo/family.ts";
import { bytesPerImage, describeOutputs, parameterNames, shownDim } from "./describe-tap.ts";
import type { FormRequest } from "./forms.ts";
import { type LowerRequest, type LoweredRequest, lowerRequest, perImageOf } from "./lower-request.ts";
import type { KernelReport } from "./kernel-facts.ts";
import type { KernelsRequest } from "./kernel-report.ts";
import type { ManifestOutput } from "./manifest.ts";
import { type ParamGroups, paramGroups } from "./param-groups.ts";
import { pipelineName, pipelineOf, positionAfter } from "./pipeline.ts";
import { type Cost, costsUpTo } from "./stage-costs.ts";
import type { TargetName } from "./target/names.ts";
import { checkedRequest } from "./target/targets.ts";

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
  /** Why timm does not return it, though it counts it; without, it can be compiled. */
  readonly refused?: string;
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
  /** The input's shape with the names of what is null: `N`, `32*H`. */
  readonly input_dims: readonly (number | string)[];
  readonly features: readonly StageReport[];
  readonly outputs: readonly ManifestOutput[];
  readonly notices: readonly string[];
  /** The graph as text, where it was asked for. */
  readonly ir?: string;
  /** The parameters by depth, where they were asked for. */
  readonly param_groups?: ParamGroups;
  /** The kernels that run it, where they were asked for. */
  readonly kernels?: KernelReport;
}

export interface InspectRequest extends LowerRequest {
  /** What the outputs are of: its batch is taken where none is given. */
  readonly target?: TargetName | undefined;
  /** Adds the graph's text. */
  readonly ir?: IrRequest | undefined;
  /** Adds the parameters by depth. */
  readonly paramGroups?: boolean | undefined;
  /** Adds the kernels of the target, after the passes of -O2 unless others are given. */
  readonly kernels?: Omit<KernelsRequest, "target"> | undefined;
}

/** Which passes run before the graph is printed: those of -O0, unless one of these says otherwise. */
export interface IrRequest extends FormRequest {
  readonly optimization?: OptimizationLevel | undefined;
  /** By name and in order, in place of a level's. */
  readonly passes?: readonly string[] | undefined;
  /** Stops after the last run of this pass; of -O2, unless a level or passes are given. */
  readonly after?: string | undefined;
}

/** Everything about a model that needs no weights. Throws TimmcError, `usage` for a pass that is none. */
export async function inspect(asked: InspectRequest): Promise<Inspection> {
  const request = checkedRequest(asked);
  const { target } = request;
  const pipeline =
    request.ir === undefined
      ? []
      : pipelineUpTo(checkedRequest({ target, dynamicSize: request.dynamicSize, ...request.ir }));
  const lowering = await lowerRequest(request);
  return {
    ...inspectLowered(lowering, perImageOf(lowering)),
    ...(request.paramGroups === true ? { param_groups: paramGroups(lowering) } : {}),
    ...(request.kernels === undefined ? {} : { kernels: await kernelsOf(lowering, { ...request.kernels, target }) }),
    ...(request.ir === undefined ? {} : { ir: printAfter(lowering.lowered.graph, pipeline) }),
  };
}

/** The same for a graph that is there already, without its text; `perImage` is the same with a dynamic batch. */
export function inspectLowered(lowering: LoweredRequest, perImage: LoweredRequest): Inspection {
  const { resolved, lowered, notices } = lowering;
  const entries = (kind: "parameter" | "buffer") =>
    lowered.parameters.filter((p) => p.kind === kind).map(({ name, shape }) => ({ name, shape }));
  const parameters = entries("parameter");
  const { features, macs } = describeCosts(lowering, perImage);
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
    input_dims: lowered.input.type.shape.map(shownDim),
    features,
    outputs: describeOutputs(lowering, perImage),
    notices,
  };
}

/** The stages with their costs, and the cost of the whole, both per image: `perImage` has a dynamic batch, counted as 1. */
function describeCosts({ lowered, stages }: LoweredRequest, { lowered: perImage }: LoweredRequest) {
  const { model } = perImage;
  const costs = costsUpTo([...model.stages.map((s) => [s.value]), model.logits], parameterNames(perImage));
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
  channels: shownDim(channelsOf(stage)),
  reduction: stage.reduction,
  shape: stage.value.type.shape.map(shownDim),
  format: stage.format,
  default: isDefault,
  ...(stage.refused === undefined ? {} : { refused: stage.refused }),
  macs: cost?.macs ?? 0,
  params: cost?.params ?? 0,
  bytes,
});

/** The passes that run before the text is printed. */
function pipelineUpTo({ optimization, passes, after, ...forms }: IrRequest): Pipeline {
  const level = optimization ?? (after === undefined ? "O0" : "O2");
  const pipeline = pipelineOf(level, passes, forms);
  return after === undefined
    ? pipeline
    : pipeline.slice(0, positionAfter(pipeline, after, pipelineName(level, passes)));
}

async function kernelsOf({ lowered }: LoweredRequest, request: KernelsRequest): Promise<KernelReport> {
  const { kernelReport } = await import("./kernel-report.ts");
  return kernelReport(lowered.graph, request);
}

function printAfter(graph: Graph, pipeline: Pipeline): string {
  runPipeline(graph, pipeline);
  return printGraph(graph);
}
