import { type Dim, printDim } from "../ir/dim.ts";
import { graphMacs } from "../ir/macs.ts";
import { count } from "../ir/type.ts";
import { channelsOf } from "../frontend/taps.ts";
import { describeTap } from "./describe-tap.ts";
import { type LowerRequest, lowerRequest } from "./lower-request.ts";
import type { ManifestOutput } from "./manifest.ts";

export interface StageReport {
  readonly index: number;
  readonly module: string;
  readonly channels: number | string;
  readonly reduction: number;
  readonly shape: readonly (number | string)[];
  readonly format: string;
  /** Whether `features` selects it. */
  readonly default: boolean;
  /** Multiply-accumulates up to and with this stage, at batch 1. */
  readonly macs: number;
}

export interface Inspection {
  readonly architecture: string;
  readonly tag: string;
  readonly family: string;
  readonly parameters: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly buffers: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly params: number;
  readonly macs: number;
  readonly input: { readonly name: string; readonly dtype: string; readonly shape: readonly (number | null)[] };
  readonly features: readonly StageReport[];
  readonly outputs: readonly ManifestOutput[];
  readonly notices: readonly string[];
}

const shown = (d: Dim): number | string => (typeof d === "number" ? d : printDim(d));

/** Everything about a model that needs no weights. */
export async function inspect(request: LowerRequest): Promise<Inspection> {
  const { resolved, lowered, taps, stages, notices } = await lowerRequest(request);
  const { graph, model } = lowered;
  const entries = (kind: "parameter" | "buffer") =>
    lowered.parameters.filter((p) => p.kind === kind).map(({ name, shape }) => ({ name, shape }));
  const parameters = entries("parameter");
  const features = model.stages.map((stage, index) => {
    graph.setOutputs([{ name: "stage", value: stage.value }]);
    return {
      index,
      module: stage.module,
      channels: shown(channelsOf(stage)),
      reduction: stage.reduction,
      shape: stage.value.type.shape.map(shown),
      format: stage.format,
      default: stages.includes(index),
      macs: graphMacs(graph),
    };
  });
  graph.setOutputs(model.logits.map((value, i) => ({ name: String(i), value })));
  return {
    architecture: resolved.architecture,
    tag: resolved.tag,
    family: resolved.family.name,
    parameters,
    buffers: entries("buffer"),
    params: parameters.reduce((n, p) => n + count(p.shape), 0),
    macs: graphMacs(graph),
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
