/**
 * Rotary position embeddings on a grid of patches: queries and keys are turned, pair of channels by pair, by angles that
 * grow with the row or the column (Su et al. 2021, arXiv:2104.09864; on two axes Heo et al. 2024, 2403.13298).
 */
import { type Dim, isStatic, mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import type { Pair } from "./conv.ts";
import { extent } from "./extent.ts";

/** Angles as sines and cosines [.., L, D] for L tokens and heads of D channels. */
export interface Rotation {
  readonly sin: Value;
  readonly cos: Value;
  /** Channel i turns with channel i + D / 2; without it 2i with 2i + 1. */
  readonly half: boolean;
}

interface RotaryGrid {
  /** Rows and columns of patches. */
  readonly grid: readonly [Dim, Dim];
  /** Width of a head. */
  readonly dim: number;
  readonly temperature: number;
  /** The first half of the angles grows with the row ("ij") or with the column ("xy"). */
  readonly indexing: "ij" | "xy";
}

/** The row and column of each of the patches, f32 [L, 1]. */
function coordinates(s: Scope, [rows, columns]: readonly [Dim, Dim]): { readonly row: Value; readonly column: Value } {
  const at = s.iota({ axis: 0, shape: [mulDim(rows, columns), 1] });
  const width = extent(s, columns);
  const float = (x: Value): Value => s.cast(x, { to: "f32" });
  return { row: float(s.floor_div(at, width)), column: float(s.mod(at, width)) };
}

/** x times factor / dim; the quotient of numbers is one number. */
const timesOver = (s: Scope, x: Value, factor: number, dim: Dim): Value =>
  isStatic(dim) ? s.mul(x, s.scalar(factor / dim)) : s.div(s.mul(x, s.scalar(factor)), extent(s, dim, "f32"));

/** temperature^(-i / count) for i from 0 to below count, [1, count]. */
function frequencies(s: Scope, count: number, temperature: number): Value {
  const i = s.cast(s.iota({ axis: 1, shape: [1, count] }), { to: "f32" });
  return s.exp(s.mul(i, s.scalar(-Math.log(temperature) / count)));
}

/** Every angle for two neighbouring channels: [.., L, D / 2] to [.., L, D]. */
function doubled(s: Scope, angles: Value): Value {
  const [...shape] = angles.type.shape;
  const count = s.static(shape.pop() ?? 0, "the width of a head");
  const columns = s.expand(s.reshape(angles, { shape: [...shape, count, 1] }), { shape: [...shape, count, 2] });
  return s.reshape(columns, { shape: [...shape, 2 * count] });
}

interface AxialOptions extends RotaryGrid {
  /** Added to rows and columns. */
  readonly offset: number;
  /** The grid of the pretraining, to which coordinates are scaled. */
  readonly reference?: Pair | undefined;
  /** How the attention turns channels; timm's table is for neighbours either way. */
  readonly half: boolean;
}

/** timm's RotaryEmbeddingCat: one axis for each half of the angles. */
export function axialRotation(
  s: Scope,
  { grid, dim, temperature, indexing, offset, reference, half }: AxialOptions,
): Rotation {
  const { row, column } = coordinates(s, grid);
  const bands = frequencies(s, dim / 4, temperature);
  const scaled = (x: Value, axis: 0 | 1): Value => {
    const moved = offset === 0 ? x : s.add(x, s.scalar(offset));
    return reference === undefined ? moved : timesOver(s, moved, reference[axis], grid[axis]);
  };
  const [y, x] = [s.mul(scaled(row, 0), bands), s.mul(scaled(column, 1), bands)];
  const angles = doubled(s, s.concat(indexing === "ij" ? [y, x] : [x, y], { axis: 1 }));
  return { sin: s.sin(angles), cos: s.cos(angles), half };
}

/** DINOv3's: coordinates from -1 to 1, whole periods, and both halves of a head alike (Siméoni et al. 2025, 2508.10104). */
export function centredRotation(
  s: Scope,
  { grid, dim, temperature, half }: RotaryGrid & { readonly half: boolean },
): Rotation {
  const { row, column } = coordinates(s, grid);
  const bands = s.mul(frequencies(s, dim / 4, temperature), s.scalar(2 * Math.PI));
  const centred = (x: Value, along: Dim): Value => s.sub(timesOver(s, s.add(x, s.scalar(0.5)), 2, along), s.scalar(1));
  const [y, x] = [s.mul(centred(row, grid[0]), bands), s.mul(centred(column, grid[1]), bands)];
  const angles = s.concat([y, x, y, x], { axis: 1 });
  return { sin: s.sin(angles), cos: s.cos(angles), half };
}

/**
 * Learned frequencies of both axes mixed (2403.13298, section 3.2), `freqs` [2, depth, heads, D / 2]: the rotation of
 * each block, [heads, L, D].
 */
export function mixedRotations(
  s: Scope,
  {
    grid,
    dim,
    indexing,
    depth,
    heads,
    half,
  }: Omit<RotaryGrid, "temperature"> & { readonly depth: number; readonly heads: number; readonly half: boolean },
): readonly Rotation[] {
  const freqs = s.param("freqs", [2, depth, heads, dim / 2]);
  const { row, column } = coordinates(s, grid);
  const [first, second] = indexing === "ij" ? [row, column] : [column, row];
  return Array.from({ length: depth }, (_, block) => {
    const own = s.slice(freqs, { axis: 1, range: [block, block + 1] });
    const along = (axis: number, at: Value): Value =>
      s.mul(at, s.reshape(s.slice(own, { axis: 0, range: [axis, axis + 1] }), { shape: [heads, 1, dim / 2] }));
    const angles = doubled(s, s.add(along(0, first), along(1, second)));
    return { sin: s.sin(angles), cos: s.cos(angles), half };
  });
}

/**
 * The rotation for `count` tokens before those of the patches too, which stay as they are, with the sign of the partner
 * in the sine: x cos + partner(x) sin.
 */
export function forTokens(s: Scope, { sin, cos, half }: Rotation, count: number): Rotation {
  const dim = s.static(cos.type.shape.at(-1) ?? 0, "the width of a head");
  const channel = s.iota({ axis: 0, shape: [dim] });
  const isFirst = half
    ? s.less(channel, s.scalar(dim / 2, "i64"))
    : s.equal(s.mod(channel, s.scalar(2, "i64")), s.scalar(0, "i64"));
  const signed = s.mul(sin, s.where(isFirst, s.scalar(-1), s.scalar(1)));
  const before = (table: Value, value: number): Value => {
    if (count === 0) return table;
    const shape = [...table.type.shape.slice(0, -2), count, dim].map((d) => s.static(d, "a table of positions"));
    return s.concat([s.constant({ values: [value], shape }), table], { axis: table.type.shape.length - 2 });
  };
  return { sin: before(signed, 0), cos: before(cos, 1), half };
}

/** Turns queries or keys [N, heads, L, D] by a rotation that `forTokens` made. */
export function rotate(s: Scope, x: Value, { sin, cos, half }: Rotation): Value {
  const axis = x.type.shape.length - 1;
  const dim = s.static(x.type.shape[axis] ?? 0, "the width of a head");
  return s.add(s.mul(x, cos), s.mul(half ? swapHalves(s, x, dim, axis) : swapNeighbours(s, x, dim, axis), sin));
}

const swapHalves = (s: Scope, x: Value, dim: number, axis: number): Value =>
  s.concat(
    [
      [dim / 2, dim],
      [0, dim / 2],
    ].map((range) => s.slice(x, { axis, range })),
    { axis },
  );

function swapNeighbours(s: Scope, x: Value, dim: number, axis: number): Value {
  const partner = s.shared(`neighbouring channels of ${dim}`, () => {
    const channel = s.iota({ axis: 0, shape: [dim] });
    const odd = s.mod(channel, s.scalar(2, "i64"));
    return s.sub(s.add(channel, s.scalar(1, "i64")), s.add(odd, odd));
  });
  return s.gather(x, partner, { axis });
}
