import { type Dim, floorDivDim, mulDim, printDim, sameDim, scaleDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { conv2d } from "../layers/conv.ts";
import { relativeBias2d } from "../layers/relative-logits.ts";
import { split } from "../layers/split.ts";
import type { Module, Scope } from "../scope.ts";
import { type AttentionPlace, type HeadOptions, headWidths, pool } from "./self-attention.ts";

interface HaloOptions extends HeadOptions {
  /** Rows and columns of a block of queries, and of its surroundings on each side. */
  readonly block?: number;
  readonly halo?: number;
}

/** Windows of `win` at every `step` positions of an axis: the axis becomes [windows, win]. */
function windows(s: Scope, x: Value, axis: number, count: Dim, win: number, step: number): Value {
  const start = s.mul(s.iota({ axis: 0, shape: [count, 1] }), s.scalar(step, "i64"));
  return s.gather(x, s.add(start, s.iota({ axis: 1, shape: [1, win] })), { axis });
}

/** Attention of blocks to themselves and a halo around them (Vaswani et al. 2021, arXiv:2103.12731, fig. 2). */
export const haloAttention =
  ({ block = 8, halo = 3, ...o }: HaloOptions = {}) =>
  ({ channels, stride }: AttentionPlace): Module =>
  (s, x) => {
    const [n = 1] = x.type.shape;
    const [h, w] = [blocksAlong(x, 2, block), blocksAlong(x, 3, block)];
    const heads = o.heads ?? 8;
    const { key, value } = headWidths(channels, { ...o, heads });
    const win = block + 2 * halo;
    const pooled = stride > 1 && block % stride !== 0;
    const step = pooled ? 1 : stride;
    const side = block / step;

    const asked = s.call("q", conv2d(heads * key, { stride: step }), x);
    const cells = s.reshape(asked, { shape: [n, heads, key, h, side, w, side] });
    const queries = s.reshape(s.transpose(cells, { perm: [0, 1, 3, 5, 4, 6, 2] }), {
      shape: [n, heads, mulDim(h, w), side * side, key],
    });
    const padded = s.pad(s.call("kv", conv2d(heads * (key + value)), x), {
      padding: [0, 0, halo, halo, 0, 0, halo, halo],
    });
    const around = windows(s, windows(s, padded, 2, h, win, block), 4, w, win, block);
    const byHead = s.reshape(around, { shape: [n, heads, key + value, h, win, w, win] });
    const tokens = s.reshape(s.transpose(byHead, { perm: [0, 1, 3, 5, 4, 6, 2] }), {
      shape: [n, heads, mulDim(h, w), win * win, key + value],
    });
    const [k, v] = split(s, tokens, [key, value]);
    const grid = s.reshape(queries, { shape: [mulDim(n, heads, h, w), side, side, key] });
    const bias = s.reshape(relativeBias2d(s.at("pos_embed"), grid, [win, win]), {
      shape: [n, heads, mulDim(h, w), side * side, win * win],
    });
    const mixed = s.attention(queries, k, v, bias, { scale: key ** -0.5 });
    const blocks = s.reshape(mixed, { shape: [n, heads, h, w, side, side, value] });
    const map = s.reshape(s.transpose(blocks, { perm: [0, 1, 6, 2, 4, 3, 5] }), {
      shape: [n, channels, scaleDim(h, side), scaleDim(w, side)],
    });
    return s.chain(map, { pool: pooled ? pool(2) : undefined });
  };

function blocksAlong(x: Value, axis: number, block: number): Dim {
  const extent = x.type.shape[axis] ?? 0;
  const count = floorDivDim(extent, block);
  if (!sameDim(scaleDim(count, block), extent))
    throw new TimmcError("unsupported", `a map of ${printDim(extent)} does not divide into blocks of ${block}`);
  return count;
}
