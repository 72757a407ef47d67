import { mulDim, printDim, sameDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { conv2d } from "../layers/conv.ts";
import { relativeBias2d } from "../layers/relative-logits.ts";
import { split } from "../layers/split.ts";
import type { Module } from "../scope.ts";
import { type AttentionPlace, type HeadOptions, headWidths, pool } from "./self-attention.ts";

/** Attention of all positions with learned relative ones (arXiv:2101.11605, fig. 4): for maps of one size. */
export const bottleneckAttention =
  (o: HeadOptions = {}) =>
  ({ channels, stride, size }: AttentionPlace): Module =>
  (s, x) => {
    const [n = 1, , h = 1, w = 1] = x.type.shape;
    if (size === undefined)
      throw new TimmcError("unsupported", "attention with relative positions is made for a map of one size");
    if (!sameDim(h, size[0]) || !sameDim(w, size[1]))
      throw new TimmcError(
        "unsupported",
        `the map is ${printDim(h)}x${printDim(w)} where attention is made for ${size[0]}x${size[1]}`,
      );
    const heads = o.heads ?? 4;
    const { key, value } = headWidths(channels, { ...o, heads });
    const packed = s.call("qkv", conv2d(heads * (2 * key + value)), x);
    const [q, k, v] = split(s, packed, [heads * key, heads * key, heads * value], 1);
    const length = mulDim(h, w);
    const tokens = (part: Value, width: number): Value =>
      s.transpose(s.reshape(part, { shape: [n, heads, width, length] }), { perm: [0, 1, 3, 2] });
    const queries = tokens(q, key);
    const grid = s.reshape(queries, { shape: [mulDim(n, heads), h, w, key] });
    const bias = relativeBias2d(s.at("pos_embed"), grid, size);
    const scores = s.reshape(bias, { shape: [n, heads, length, length] });
    const mixed = s.attention(queries, tokens(k, key), tokens(v, value), scores, { scale: key ** -0.5 });
    const map = s.reshape(s.transpose(mixed, { perm: [0, 1, 3, 2] }), { shape: [n, channels, h, w] });
    return s.chain(map, { pool: pool(stride) });
  };
