/**
 * Hiera's order of tokens (Ryali et al. 2023, arXiv:2306.00989, fig. 5): rows and columns within the smallest cells come
 * first, then those of larger ones, then the cells themselves. Pooling a query is a maximum over the leading part, and a
 * window is what shares the trailing one.
 */
import type { Value } from "../../ir/value.ts";
import type { Pair } from "../layers/conv.ts";
import type { Scope } from "../scope.ts";

/** A map of `size` cut `levels` times by `stride`. */
interface Nesting {
  readonly size: Pair;
  readonly stride: Pair;
  readonly levels: number;
}

const cells = ({ size, stride, levels }: Nesting, axis: 0 | 1): number => size[axis] / stride[axis] ** levels;

/** Axes of a map with every level apart: [N, cells, coarse ... fine, cells, coarse ... fine, C]. */
const nestedShape = (nesting: Nesting): number[] =>
  ([0, 1] as const).flatMap((axis) => [
    cells(nesting, axis),
    ...Array<number>(nesting.levels).fill(nesting.stride[axis]),
  ]);

/** Where the axes of the nested shape come from the order of tokens: fine to coarse, rows beside columns, cells last. */
const tokenOrder = ({ levels }: Nesting): number[] => {
  const rows = (level: number): number => 1 + levels - level;
  const columns = (level: number): number => 1 + (levels + 1) + levels - level;
  const within = Array.from({ length: levels }, (_, level) => [rows(level), columns(level)]).flat();
  return [0, ...within, 1, levels + 2, 2 * levels + 3];
};

/** Tokens [N, h w, C] in row-major order to Hiera's. */
export function unroll(s: Scope, x: Value, nesting: Nesting): Value {
  const [n = 1, length = 1, c = 1] = x.type.shape;
  const nested = s.reshape(x, { shape: [n, ...nestedShape(nesting), c] });
  return s.reshape(s.transpose(nested, { perm: tokenOrder(nesting) }), { shape: [n, length, c] });
}

/** Tokens in Hiera's order to a map [N, C, h, w]. */
export function reroll(s: Scope, x: Value, nesting: Nesting): Value {
  const [n = 1, , c = 1] = x.type.shape;
  const order = tokenOrder(nesting);
  const shape = [n, ...nestedShape(nesting), c];
  const ordered = s.reshape(x, { shape: order.map((axis) => shape[axis] ?? 1) });
  const back = shape.map((_, axis) => order.indexOf(axis));
  const [batch = 0, ...rest] = back;
  const perm = [batch, rest.at(-1) ?? 0, ...rest.slice(0, -1)];
  return s.reshape(s.transpose(ordered, { perm }), { shape: [n, c, ...nesting.size] });
}
