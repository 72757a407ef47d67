import type { LowerRequest } from "../../src/driver/lower-request.ts";
import type { InputSize } from "../../src/frontend/pretrained-cfg.ts";
import type { AcceptedOption, FeatureInfo, ModelRecord, OptionRecord, Outputs, TensorRecord } from "./records.ts";

/** A record of outputs as a request to timmc: what to lower, and what each output must be. */
export interface Expectation {
  readonly name: string;
  readonly family: string;
  readonly kind: "full" | "features" | "options";
  readonly request: LowerRequest;
  readonly inputShape: readonly number[];
  readonly params: number;
  /** Every output in order, by tap name. */
  readonly outputs: readonly (readonly [tap: string, tensor: TensorRecord])[];
}

/** The timm keyword arguments of an option record, and the input size where its case gives one (`@CxHxW`). */
export function optionRequest(record: OptionRecord): LowerRequest {
  const size = /@(\d+)x(\d+)x(\d+)/.exec(record.case)?.slice(1).map(Number);
  return {
    model: record.arch,
    args: record.kwargs,
    inputSize: size === undefined ? undefined : (size as unknown as InputSize),
  };
}

/** Some networks have no features_only in timm. */
export const hasStages = (features: object): boolean => !("error" in features);

/** Everything of the records that has numbers. */
export function modelExpectations({ arch, family, full, features }: ModelRecord): Expectation[] {
  const common = { family, params: full.param_count };
  const expected: Expectation[] = [
    {
      ...common,
      name: arch,
      kind: "full",
      request: { model: arch, taps: tapsOf(full.outputs) },
      inputShape: full.input_shape,
      outputs: Object.entries(full.outputs),
    },
  ];
  if (hasStages(features))
    expected.push({
      ...common,
      name: `${arch} with features_only`,
      kind: "features",
      request: { model: arch, args: { features_only: true } },
      inputShape: features.input_shape,
      outputs: byStage(features.outputs, features.feature_info, features.feature_modules),
    });
  return expected.filter(({ outputs }) => outputs.length > 0);
}

export function optionExpectation(record: AcceptedOption): Expectation | undefined {
  if (Object.keys(record.outputs).length === 0) return undefined;
  const { case: name, family, input_shape: inputShape, param_count: params, outputs } = record;
  const request = optionRequest(record);
  const stages = record.kwargs["features_only"] === true;
  return {
    name,
    family,
    kind: "options",
    params,
    inputShape,
    request: stages ? request : { ...request, taps: tapsOf(outputs) },
    outputs: stages ? byStage(outputs, record.feature_info, record.feature_modules) : Object.entries(outputs),
  };
}

/** `forward_features.0` and `forward_features.1` are one tap. */
export const tapsOf = (outputs: Outputs): string[] => [
  ...new Set(Object.keys(outputs).map((name) => name.replace(/\.\d+$/, ""))),
];

/**
 * The K-th tensor that `features_only` returned, under its tap name: timm's absolute index is the position of the
 * K-th selected module in `feature_info`.
 */
function byStage(
  outputs: Outputs,
  info: readonly FeatureInfo[] | undefined,
  modules: readonly string[] | undefined,
): [string, TensorRecord][] {
  return Object.entries(outputs).map(([name, tensor], k) => {
    const index = info?.findIndex(({ module }) => module === modules?.[k]) ?? -1;
    if (index < 0) throw new RangeError(`the record does not say which stage ${name} is`);
    return [`features.${index}`, tensor];
  });
}
