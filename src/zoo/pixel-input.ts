import type { Dim } from "../ir/dim.ts";
import { builderAt } from "../ir/builder.ts";
import type { Graph } from "../ir/graph.ts";
import type { Value } from "../ir/value.ts";

/** How bytes become what a network takes: (x / unit - mean) / std, per channel and in this order. */
export interface PixelNormalization {
  readonly unit: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * An input of pixels as pictures hold them, u8 [batch, height, width, channels], and what timm's ToTensor and Normalize
 * make of it, f32 [batch, channels, height, width], with timm's operations in timm's order.
 */
export function pixelInput(
  graph: Graph,
  [batch, channels, height, width]: readonly [Dim, Dim, Dim, Dim],
  { unit, mean, std }: PixelNormalization,
): { readonly input: Value; readonly image: Value } {
  const input = inputOf(graph, [batch, height, width, channels], "u8");
  const b = builderAt({ graph, origin: { path: "preprocess", rules: [] } });
  const perChannel = (values: readonly number[]): Value => b.constant({ values, shape: [values.length, 1, 1] });
  const planes = b.transpose(b.cast(input, { to: "f32" }), { perm: [0, 3, 1, 2] });
  const scaled = unit === 1 ? planes : b.div(planes, b.constant({ values: [unit] }));
  return { input, image: b.div(b.sub(scaled, perChannel(mean)), perChannel(std)) };
}

/** The one input of a network. */
export const inputOf = (graph: Graph, shape: readonly Dim[], dtype: "f32" | "u8"): Value =>
  graph.insert("input", [], { shape, dtype }, { path: "input", rules: [] });
