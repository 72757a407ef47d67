import type { Module } from "../scope.ts";
import { symmetricPadding } from "./conv.ts";
import { avgPool } from "./pool.ts";

/**
 * Depthwise binomial blur, then stride (Zhang 2019): the outer product of (1, 2, 1) / 4 with itself, padded by
 * reflection, or by zeros in the "constant" form.
 */
const blurPool =
  ({
    stride = 2,
    size = 3,
    mode = "reflect",
  }: { stride?: number; size?: number; mode?: "reflect" | "constant" } = {}): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const row = binomial(size);
    const values = row.flatMap((a) => row.map((b) => a * b));
    const tile = s.constant({ values, shape: [1, 1, size, size] });
    const weight = s.expand(tile, { shape: [channels, 1, size, size] });
    const pad = symmetricPadding(size, stride, 1);
    const padded = s.pad(x, { padding: [0, 0, pad, pad, 0, 0, pad, pad], mode });
    return s.conv(padded, weight, undefined, {
      stride: [stride, stride],
      dilation: [1, 1],
      padding: [0, 0, 0, 0],
      groups: channels,
    });
  };

/** Row n - 1 of Pascal's triangle, normalised to sum 1. */
function binomial(n: number): number[] {
  let row = [1];
  for (let i = 1; i < n; i++) row = [...row, 0].map((v, j) => v + (row[j - 1] ?? 0));
  return row.map((v) => v / 2 ** (n - 1));
}

/** timm's aa_layer names. */
export const aaLayers = ["avg", "avgpool", "blur", "blurpool", "blurpc"] as const;
export type AaLayer = (typeof aaLayers)[number];

/** The anti-aliasing that replaces a stride (timm's create_aa). */
export const antiAlias = (name: AaLayer, stride: number): Module =>
  name.startsWith("avg") ? avgPool(stride) : blurPool({ stride, mode: name === "blurpc" ? "constant" : "reflect" });
