/** Outlook attention (Yuan et al. 2021, VOLO, section 3.1): weights for a 3x3 neighbourhood straight from its centre. */
import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Pair } from "../layers/conv.ts";
import { linear } from "../layers/linear.ts";
import { avgPool } from "../layers/pool.ts";
import type { Module, Scope } from "../scope.ts";

const taps = [0, 1, 2] as const;

/** The 3x3 neighbourhoods of every other position of [N, H, W, C], with zeros around the map: nine maps [N, h, w, C]. */
function neighbourhoods(s: Scope, x: Value, [h, w]: Pair): readonly Value[] {
  const padded = s.pad(x, { padding: [0, 1, 1, 0, 0, 1, 1, 0] });
  const every = (y: Value, axis: number, from: number, count: number): Value =>
    s.slice(y, { axis, range: [from, from + 2 * (count - 1) + 1], step: 2 });
  return taps.flatMap((i) => {
    const rows = every(padded, 1, i, h);
    return taps.map((j) => every(rows, 2, j, w));
  });
}

/**
 * Along one axis, what three taps of windows with a stride of two add up to: position 2a + 1 of the padded axis gets the
 * middle tap of window a, position 2a + 2 the last tap of window a and the first tap of window a + 1.
 */
function overlapAdd(s: Scope, [first, middle, last]: readonly [Value, Value, Value], axis: number): Value {
  const shape = [...middle.type.shape];
  const rank = shape.length;
  const count = shape[axis] ?? 1;
  const at = (before: number, after: number): number[] =>
    Array.from({ length: 2 * rank }, (_, i) => (i === axis ? before : i === rank + axis ? after : 0));
  const even = s.add(s.pad(first, { padding: at(-1, 1) }), last);
  const wide = [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)];
  const pairs = s.concat([s.reshape(middle, { shape: wide }), s.reshape(even, { shape: wide })], { axis: axis + 1 });
  return s.reshape(pairs, { shape: [...shape.slice(0, axis), mulDim(count, 2), ...shape.slice(axis + 1)] });
}

/** Nine maps [N, heads, h, w, d] of windows added up where they overlap, to [N, heads, H, W, d] (torch's F.fold). */
function fold(s: Scope, parts: readonly Value[], [height, width]: Pair): Value {
  const part = (i: number, j: number): Value => parts[3 * i + j] as Value;
  const column = (j: number): Value => overlapAdd(s, [part(0, j), part(1, j), part(2, j)], 2);
  const whole = overlapAdd(s, [column(0), column(1), column(2)], 3);
  const rows = whole.type.shape[2] === height ? whole : s.slice(whole, { axis: 2, range: [0, height] });
  return rows.type.shape[3] === width ? rows : s.slice(rows, { axis: 3, range: [0, width] });
}

/** On maps [N, H, W, C], with a stride of two. */
export const outlookAttention =
  (heads: number, qkvBias: boolean): Module =>
  (s, x) => {
    const [n = 1, , , channels = 1] = x.type.shape;
    const width = s.static(channels, "the width of attention");
    const dim = width / heads;
    const extent = (axis: 1 | 2): number => s.static(x.type.shape[axis] ?? 0, "windows are folded over a known map");
    const size: Pair = [extent(1), extent(2)];
    const [h, w]: Pair = [Math.ceil(size[0] / 2), Math.ceil(size[1] / 2)];
    const values = neighbourhoods(s, s.call("v", linear(width, { bias: qkvBias }), x), [h, w]);
    const stacked = s.concat(
      values.map((v) => s.reshape(v, { shape: [n, h * w, heads, 1, dim] })),
      { axis: 3 },
    );
    const pooled = s.call("pool", avgPool(2, { ceil: true }), s.transpose(x, { perm: [0, 3, 1, 2] }));
    const scores = s.call("attn", linear(81 * heads), s.transpose(pooled, { perm: [0, 2, 3, 1] }));
    const split = s.reshape(scores, { shape: [n, h * w, heads, 9, 9] });
    const weights = s.softmax(s.mul(split, s.scalar(dim ** -0.5)), { axis: -1 });
    const mixed = s.transpose(s.matmul(weights, stacked), { perm: [0, 2, 1, 3, 4] });
    const parts = values.map((_, i) =>
      s.reshape(s.slice(mixed, { axis: 3, range: [i, i + 1] }), { shape: [n, heads, h, w, dim] }),
    );
    const map = s.transpose(fold(s, parts, size), { perm: [0, 2, 3, 1, 4] });
    return s.call("proj", linear(width), s.reshape(map, { shape: [n, size[0], size[1], width] }));
  };
