/** What the second Swin and its variants share: windows that move, and attention by cosine (Liu et al. 2021, arXiv:2111.09883). */
import { type Dim, mulDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import type { Pair } from "./conv.ts";
import { unitLength } from "./unit-length.ts";
import {
  type Size,
  cropMap,
  mapSize,
  padToWindows,
  rollMap,
  shiftedWindowMask,
  windowGrid,
  windowPartition,
  windowReverse,
} from "./window.ts";

/** Windows of all images of a batch. */
export interface Windows {
  readonly batch: Dim;
  /** Per image. */
  readonly count: Dim;
  /** [count, 1, N, N], where windows hold tokens from opposite borders. */
  readonly mask: Value | undefined;
}

/**
 * Shift a map [N, H, W, C], cut it into windows, attend to each [N windows, tokens, C], put them together, shift back.
 * `resolution` is the map's size by the constructor's count, for which timm makes its mask, where it does so then.
 */
export function inShiftedWindows(
  s: Scope,
  x: Value,
  { window, shift, resolution }: { readonly window: Pair; readonly shift: Pair; readonly resolution: Pair | undefined },
  attend: (windows: Value, info: Windows) => Value,
): Value {
  const padded = padToWindows(s, rollMap(s, x, [-shift[0], -shift[1]]), window);
  const size = mapSize(padded);
  const [rows, columns] = windowGrid(size, window);
  const moves = shift[0] > 0 || shift[1] > 0;
  if (moves && resolution !== undefined) needWholeWindows(resolution, window, size);
  const mask = moves ? shiftedWindowMask(s, size, window, shift) : undefined;
  const info = { batch: x.type.shape[0] ?? 1, count: mulDim(rows, columns), mask };
  const map = windowReverse(s, attend(windowPartition(s, padded, window), info), window, padded);
  return rollMap(s, cropMap(s, map, mapSize(x)), shift);
}

function needWholeWindows(resolution: Pair, window: Pair, size: Size): void {
  if (resolution.every((extent, i) => extent % (window[i] ?? 1) === 0 && extent === size[i])) return;
  throw new TimmcError(
    "unsupported",
    `timm's attention mask is made for windows of ${window.join("x")} that tile a map of ${resolution.join("x")}`,
    { hint: "choose an img_size whose stages are whole windows, or --arg strict_img_size=false" },
  );
}

/** Eq. 2: softmax(cos(q, k) scale + bias) v, for queries, keys and values [N windows, tokens, C]; `scale` is [heads, 1, 1]. */
export function cosineAttention(
  s: Scope,
  qkv: readonly [Value, Value, Value],
  { heads, scale, bias, windows }: { heads: number; scale: Value; bias: Value; windows: Windows },
): Value {
  const [, tokens = 1, channels = 1] = qkv[0].type.shape;
  const width = s.static(channels, "the width of attention");
  const byHead = (y: Value): Value => {
    const parts = s.reshape(y, { shape: [windows.batch, windows.count, tokens, heads, width / heads] });
    return s.transpose(parts, { perm: [0, 1, 3, 2, 4] });
  };
  const [q, k, v] = [byHead(qkv[0]), byHead(qkv[1]), byHead(qkv[2])];
  const scores = windows.mask === undefined ? bias : s.add(bias, windows.mask);
  const mixed = s.attention(s.mul(unitLength(s, q), scale), unitLength(s, k), v, scores, { scale: 1 });
  const joined = s.transpose(mixed, { perm: [0, 1, 3, 2, 4] });
  return s.reshape(joined, { shape: [mulDim(windows.batch, windows.count), tokens, width] });
}

/** A learned scale per head, at most 100, kept as its logarithm. */
export const logitScale = (s: Scope, heads: number, shape: readonly number[]): Value =>
  s.reshape(s.exp(s.clamp(s.param("logit_scale", shape), { high: Math.log(100) })), { shape: [heads, 1, 1] });
