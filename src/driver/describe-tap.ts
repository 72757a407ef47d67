import { type Dim, printDim } from "../ir/dim.ts";
import { byteSize } from "../ir/dtype.ts";
import { count, isStaticType, substituteType } from "../ir/type.ts";
import type { Value } from "../ir/value.ts";
import type { Tap } from "../frontend/taps.ts";
import type { LoweredModel } from "../zoo/lower.ts";
import type { LoweredRequest } from "./lower-request.ts";
import type { ManifestOutput } from "./manifest.ts";
import { type Cost, costsUpTo } from "./stage-costs.ts";

/**
 * What the manifest and `inspect` say of the outputs. Costs are of the graph as it was lowered, per image: `perImage` is the
 * same with a dynamic batch.
 */
export function describeOutputs(lowering: LoweredRequest, perImage: LoweredRequest): ManifestOutput[] {
  const costs = costsUpTo(
    perImage.taps.map((tap) => [tap.value]),
    parameterNames(perImage.lowered),
  );
  return lowering.taps.map((tap, i) => describeTap(tap, perImage.taps[i]?.value, costs[i]));
}

/** The names of what counts as parameters: buffers do not. */
export const parameterNames = ({ parameters }: LoweredModel): ReadonlySet<string> =>
  new Set(parameters.filter((p) => p.kind === "parameter").map((p) => p.name));

const describeTap = (tap: Tap, perImage: Value | undefined, cost: Cost | undefined): ManifestOutput => ({
  name: tap.name,
  dtype: tap.value.type.dtype,
  shape: tap.value.type.shape.map(shownDim),
  module: tap.module ?? null,
  channels: typeof tap.channels === "number" ? tap.channels : null,
  reduction: tap.reduction ?? null,
  format: tap.format ?? null,
  norm: tap.norm ?? null,
  softmax: tap.softmax ?? false,
  bytes: bytesPerImage(perImage),
  macs: cost?.macs ?? 0,
  params: cost?.params ?? 0,
});

export const shownDim = (d: Dim): number | string => (typeof d === "number" ? d : printDim(d));

/** Bytes of a value of a graph with a dynamic batch, by default at batch 1; null where its size is not known. */
export function bytesPerImage(
  value: Value | undefined,
  symbols: Readonly<Record<string, number>> = { N: 1 },
): number | null {
  if (value === undefined) return null;
  const type = substituteType(value.type, symbols);
  return isStaticType(type) ? count(type.shape) * byteSize(type.dtype) : null;
}
