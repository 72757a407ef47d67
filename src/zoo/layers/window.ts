/**
 * Attention inside windows of an NHWC map: Liu et al. 2021 (Swin, arXiv:2103.14030), sections 3.2 and 4. Positions and
 * masks are closed forms of an element's index, so they cost nothing in a checkpoint.
 */
import {
  type Dim,
  ceilDivDim,
  isStatic,
  mulDim,
  printDim,
  printShape,
  sameDim,
  scaleDim,
  subDim,
} from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import type { Pair } from "./conv.ts";
import { extent } from "./extent.ts";

/** Height and width, which may be symbolic. */
export type Size = readonly [height: Dim, width: Dim];

/** Height and width of an NHWC map. */
export const mapSize = (x: Value): Size => [x.type.shape[1] ?? 0, x.type.shape[2] ?? 0];

/** Rows and columns of windows that cover a map; the last ones may stand out. A window of symbolic size is the whole map. */
export function windowGrid([h, w]: Size, [wh, ww]: Size): Size {
  const along = (extent: Dim, window: Dim): Dim => {
    if (isStatic(window)) return ceilDivDim(extent, window);
    if (sameDim(extent, window)) return 1;
    throw new TimmcError("invalid-ir", `windows of ${printDim(window)} over an extent of ${printDim(extent)}`);
  };
  return [along(h, wh), along(w, ww)];
}

/** Zeros below and to the right of [N, H, W, C], so that whole windows cover it. */
export function padToWindows(s: Scope, x: Value, window: Size): Value {
  const size = mapSize(x);
  const [rows, columns] = windowGrid(size, window);
  const down = subDim(mulDim(rows, window[0]), size[0]);
  const right = subDim(mulDim(columns, window[1]), size[1]);
  return down === 0 && right === 0 ? x : s.pad(x, { padding: [0, 0, 0, 0, 0, down, right, 0] });
}

/** The upper left [height, width] of an NHWC map. */
export function cropMap(s: Scope, x: Value, [height, width]: Size): Value {
  const [h, w] = mapSize(x);
  const rows = sameDim(h, height) ? x : s.slice(x, { axis: 1, range: [0, height] });
  return sameDim(w, width) ? rows : s.slice(rows, { axis: 2, range: [0, width] });
}

/** [N, H, W, C] to [N (H/wh) (W/ww), wh ww, C]: windows in row-major order, tokens in row-major order inside. */
export function windowPartition(s: Scope, x: Value, [wh, ww]: Size): Value {
  const [n = 1, , , c = 1] = x.type.shape;
  const [rows, columns] = windowGrid(mapSize(x), [wh, ww]);
  const cells = s.reshape(x, { shape: [n, rows, wh, columns, ww, c] });
  const windows = s.transpose(cells, { perm: [0, 1, 3, 2, 4, 5] });
  return s.reshape(windows, { shape: [mulDim(n, rows, columns), mulDim(wh, ww), c] });
}

/** The inverse of `windowPartition` for the map `like`, whose windows may have another width by now. */
export function windowReverse(s: Scope, windows: Value, [wh, ww]: Size, like: Value): Value {
  const [n = 1] = like.type.shape;
  const c = windows.type.shape[2] ?? 1;
  const [h, w] = mapSize(like);
  const [rows, columns] = windowGrid([h, w], [wh, ww]);
  const cells = s.reshape(windows, { shape: [n, rows, columns, wh, ww, c] });
  return s.reshape(s.transpose(cells, { perm: [0, 1, 3, 2, 4, 5] }), { shape: [n, h, w, c] });
}

/** Moves an NHWC map down and right, around the borders. */
export function rollMap(s: Scope, x: Value, [down, right]: Pair): Value {
  const rows = down === 0 ? x : s.roll(x, { axis: 1, shift: down });
  return right === 0 ? rows : s.roll(rows, { axis: 2, shift: right });
}

/**
 * Where a pair of tokens (p, q) of a window finds its bias in a table of (2 wh - 1)(2 ww - 1) rows, [wh ww, wh ww]:
 * (dy + wh - 1)(2 ww - 1) + dx + ww - 1 with (dy, dx) the step from q to p.
 */
export const relativePositionIndex = (s: Scope, [wh, ww]: Pair): Value =>
  s.shared(`relative position index ${wh}x${ww}`, () => {
    const n = wh * ww;
    const int = (value: number): Value => s.scalar(value, "i64");
    const p = s.iota({ axis: 0, shape: [n, 1] });
    const q = s.iota({ axis: 1, shape: [1, n] });
    const dy = s.sub(s.floor_div(p, int(ww)), s.floor_div(q, int(ww)));
    const dx = s.sub(s.mod(p, int(ww)), s.mod(q, int(ww)));
    return s.add(s.mul(s.add(dy, int(wh - 1)), int(2 * ww - 1)), s.add(dx, int(ww - 1)));
  });

/** A learned bias [1, heads, N, N] for the scores of a window of N tokens: rows of a table, picked by relative position. */
export function relativePositionBias(s: Scope, table: Value, window: Pair): Value {
  const n = window[0] * window[1];
  const pairs = s.gather(table, relativePositionIndex(s, window), { axis: 0 });
  return s.reshape(s.transpose(pairs, { perm: [2, 0, 1] }), { shape: [1, table.type.shape[1] ?? 1, n, n] });
}

/**
 * After a cyclic shift, a window can hold tokens from opposite borders: -100 keeps them apart (section 3.2, fig. 4). For
 * windows that tile a map of `size`, [windows, 1, N, N]: 0 where two tokens come from one region, else -100.
 */
export function shiftedWindowMask(s: Scope, size: Size, window: Pair, shift: Pair): Value {
  const [rows, columns] = windowGrid(size, window);
  const count = mulDim(rows, columns);
  const n = window[0] * window[1];
  return s.shared(`shifted window mask ${printShape(size)} ${window.join("x")} ${shift.join("x")}`, () => {
    const int = (value: Dim): Value => extent(s, value);
    const w = s.iota({ axis: 0, shape: [count, 1] });
    const t = s.iota({ axis: 1, shape: [1, n] });
    const y = s.add(s.mul(s.floor_div(w, int(columns)), int(window[0])), s.floor_div(t, int(window[1])));
    const x = s.add(s.mul(s.mod(w, int(columns)), int(window[1])), s.mod(t, int(window[1])));
    const rounded: Size = [scaleDim(rows, window[0]), scaleDim(columns, window[1])];
    /** 0 before the last window, 1 in its part that did not move around the border, 2 in the part that did. */
    const band = (at: Value, axis: 0 | 1): Value => {
      if (shift[axis] === 0) return int(0);
      const from = (start: Dim): Value => s.cast(s.less(int(subDim(start, 1)), at), { to: "i64" });
      return s.add(from(subDim(rounded[axis], window[axis])), from(subDim(rounded[axis], shift[axis])));
    };
    const region = s.add(s.mul(band(y, 0), int(3)), band(x, 1));
    const same = s.equal(
      s.reshape(region, { shape: [count, 1, 1, n] }),
      s.reshape(region, { shape: [count, 1, n, 1] }),
    );
    return s.where(same, s.scalar(0), s.scalar(-100));
  });
}
