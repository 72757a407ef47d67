import type { Module } from "../scope.ts";
import { attention } from "./attention.ts";
import { mlp } from "./mlp.ts";
import { layerNorm } from "./norm.ts";

interface TransformerBlockOptions {
  readonly heads: number;
  readonly mlpRatio: number;
  readonly qkvBias?: boolean;
  readonly norm?: Module;
}

/** The block of a plain vision transformer on tokens [N, L, C] (Dosovitskiy et al. 2020, eq. 2 and 3). */
export const transformerBlock =
  ({ heads, mlpRatio, qkvBias = true, norm = layerNorm(1e-6) }: TransformerBlockOptions): Module =>
  (s, x) => {
    const width = s.features(x);
    const y = s.add(x, s.chain(x, { norm1: norm, attn: attention({ heads, qkvBias }) }));
    return s.add(y, s.chain(y, { norm2: norm, mlp: mlp(Math.trunc(width * mlpRatio) || width) }));
  };
