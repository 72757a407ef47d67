/** The block of Liu et al. 2021, fig. 3 (b): attention inside windows, shifted in every other block, then an MLP. */
import { type Dim, mulDim, printDim, sameDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import type { Pair } from "../layers/conv.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import {
  cropMap,
  mapSize,
  padToWindows,
  relativePositionBias,
  rollMap,
  shiftedWindowMask,
  windowGrid,
  windowPartition,
  windowReverse,
} from "../layers/window.ts";
import type { Module, Scope } from "../scope.ts";
import type { SwinConfig } from "./config.ts";
import { type WindowPlace, windowAndShift } from "./windows.ts";

/** What one block needs to know of its place in the network. */
export interface Place extends WindowPlace {
  readonly heads: number;
  /** Width of a head; the block's width over the heads without it. */
  readonly headDim: number | undefined;
  readonly mlpRatio: number;
}

/** torch's LayerNorm, which the definition uses throughout. */
export const swinNorm: Module = layerNorm(1e-5);

/**
 * Multi-head attention in each window of [N windows, tokens, C] (eq. 4): softmax(q k^T / sqrt(d) + B) v with the bias B of
 * relative positions, and the mask of shifted windows. Windows keep an axis of their own, so that the mask broadcasts
 * over a batch of any size.
 */
const windowAttention =
  (c: SwinConfig, p: Place, window: Pair, batch: Dim, windows: Dim, mask: Value | undefined): Module =>
  (s, x) => {
    const [, tokens = 1, channels = 1] = x.type.shape;
    const dim = s.static(channels, "the width of a block");
    const headDim = p.headDim ?? Math.floor(dim / p.heads);
    const width = headDim * p.heads;
    const rows = (2 * window[0] - 1) * (2 * window[1] - 1);
    const table = s.param("relative_position_bias_table", [rows, p.heads]);
    const bias = relativePositionBias(s, table, window);
    const qkv = s.call("qkv", linear(3 * width, { bias: c.qkv_bias }), x);
    const part = (i: number): Value => {
      const own = s.slice(qkv, { axis: 2, range: [i * width, (i + 1) * width] });
      const heads = s.reshape(own, { shape: [batch, windows, tokens, p.heads, headDim] });
      return s.transpose(heads, { perm: [0, 1, 3, 2, 4] });
    };
    const scores = mask === undefined ? bias : s.add(bias, mask);
    const y = s.attention(part(0), part(1), part(2), scores, { scale: headDim ** -0.5 });
    const joined = s.transpose(y, { perm: [0, 1, 3, 2, 4] });
    return s.call("proj", linear(dim), s.reshape(joined, { shape: [mulDim(batch, windows), tokens, width] }));
  };

/** Shift, cut into windows, attend, put together, shift back. */
function attendInWindows(s: Scope, x: Value, c: SwinConfig, p: Place): Value {
  const { window, shift } = windowAndShift(c, p);
  const padded = padToWindows(s, rollMap(s, x, [-shift[0], -shift[1]]), window);
  const count = mulDim(...windowGrid(mapSize(padded), window));
  const moves = shift[0] > 0 || shift[1] > 0;
  if (moves && c.strict_img_size) needMaskOf(p.resolution, window, count);
  const mask = moves ? shiftedWindowMask(s, mapSize(padded), window, shift) : undefined;
  const attention = windowAttention(c, p, window, x.type.shape[0] ?? 1, count, mask);
  const attended = s.call("attn", attention, windowPartition(s, padded, window));
  const map = windowReverse(s, attended, window, padded);
  return rollMap(s, cropMap(s, map, mapSize(x)), shift);
}

/** timm makes the mask in the constructor, for a resolution rounded down at every stage; the map is rounded up. */
function needMaskOf(resolution: Pair, window: Pair, windows: Dim): void {
  const expected = mulDim(...windowGrid(resolution, window));
  if (!sameDim(expected, windows))
    throw new TimmcError(
      "unsupported",
      `timm's attention mask is made for ${printDim(expected)} windows, and the map has ${printDim(windows)}`,
      { hint: "choose an img_size that is a multiple of 32, or --arg strict_img_size=false" },
    );
}

export const swinBlock =
  (c: SwinConfig, p: Place): Module =>
  (s, x) => {
    const [n = 1, h = 1, w = 1, channels = 1] = x.type.shape;
    const y = s.add(x, attendInWindows(s, s.call("norm1", swinNorm, x), c, p));
    const tokens = s.reshape(y, { shape: [n, mulDim(h, w), channels] });
    const dim = s.static(channels, "the width of a block");
    const hidden = Math.trunc(dim * p.mlpRatio) || dim;
    const z = s.add(tokens, s.chain(tokens, { norm2: swinNorm, mlp: mlp(hidden) }));
    return s.reshape(z, { shape: x.type.shape });
  };
