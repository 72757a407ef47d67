/**
 * Rolls and transposes that move whole rows are one gather of rows. A movement M (roll, transpose, and reshapes between
 * them) that keeps blocks of `rows` rows of `width` elements apart, and every row whole, is
 *
 *     M(x) = reshape(gather(reshape(x, [lead, rows, width]), M(0, 1, ... rows - 1), axis 1))
 *
 * because M applied to the numbers of the rows tells which row comes to stand where. Swin's shifted windows (Liu et al.
 * 2021, fig. 2) are such movements: two rolls and the partition, and on the way back the reverse. Exact: nothing is
 * computed. The table of rows is structure, a weight expression without parameters, of one i32 per row and equal in all
 * blocks of a stage.
 *
 * Preconditions: the links of the chain have no other use; the extents that they move are static; rows are not shorter
 * than `minWidth`, below which copies of rows are no longer copies of memory. A roll is two slices and a concat, which
 * move everything twice. Under ONNX Runtime the gather takes 0.63 to 0.70 of the time of two rolls and a partition (bench
 * form `window`), swin_tiny as a whole 0.99, with 60 nodes of 590 less. A single transpose of rows takes as long as the
 * gather and stays.
 */
import type { Builder } from "../../ir/builder.ts";
import { type Dim, floorDivDim, isStatic, sameShape } from "../../ir/dim.ts";
import { count, elements } from "../../ir/type.ts";
import { type Value, is } from "../../ir/value.ts";
import { any, chain } from "../pattern.ts";
import { defineRule } from "../rule.ts";

/** Elements of the shortest row that is worth a table entry: 64 bytes of f32. */
const minWidth = 16;

/** One op that moves: along which axes of its operand, as a half-open range, and by what. */
interface Move {
  readonly value: Value<"transpose"> | Value<"roll">;
  readonly from: number;
  readonly to: number;
}

/** The operand as [lead, rows, width]: blocks that stay apart, rows that stay whole. */
interface Rows {
  readonly moves: readonly Move[];
  readonly lead: Dim;
  readonly rows: number;
  readonly width: number;
}

export const permuteRows = defineRule({
  name: "permute-rows",
  pattern: chain(["reshape", "transpose", "roll"], any("x")),
  where: ({ root, x }) => {
    const moves = movesBetween(x, root);
    const copies = moves.reduce((n, { value }) => n + (value.op === "roll" ? 2 : 1), 0);
    if (copies < 2) return "a single transpose is as fast as a gather";
    return rowsOf(moves, x);
  },
  rewrite: ({ root, x, moves, lead, rows, width }, b) => {
    const apart = as(b, x, [lead, rows, width]);
    return as(b, b.gather(apart, sources({ moves, lead, rows, width }, b), { axis: 1 }), root.type.shape);
  },
});

/** The moves of a chain from x to its last link, in order. */
function movesBetween(x: Value, last: Value): Move[] {
  const moves: Move[] = [];
  for (let value: Value | undefined = last; value !== undefined && value !== x; value = value.operands[0]) {
    if (is(value, "roll")) moves.push({ value, from: value.attrs.axis, to: value.attrs.axis + 1 });
    if (!is(value, "transpose")) continue;
    const moved = value.attrs.perm.flatMap((p, axis) => (p === axis ? [] : [axis]));
    const [from] = moved;
    if (from !== undefined) moves.push({ value, from, to: (moved.at(-1) ?? from) + 1 });
  }
  return moves.toReversed();
}

const shapeOf = ({ value }: Move): readonly Dim[] => value.operands[0]?.type.shape ?? [];

/** The coarsest rows and the smallest blocks that all moves respect, or why there are none. */
function rowsOf(moves: readonly Move[], x: Value): Rows | string {
  let [width, block] = [0, 1];
  for (const move of moves) {
    const inner = elements(shapeOf(move).slice(move.to));
    const moved = elements(shapeOf(move).slice(move.from));
    if (!isStatic(inner) || !isStatic(moved) || moved === 0) return "the extents that move are not static";
    width = gcd(width, inner);
    block = (block / gcd(block, moved)) * moved;
  }
  if (width < minWidth) return `rows of ${width} elements are too short to be copied one by one`;
  // Each move divides the elements into its blocks, so that their common multiple divides them too.
  return { moves, lead: floorDivDim(elements(x.type.shape), block), rows: block / width, width };
}

/** For every row of the result, the row of x that comes there: the moves, applied to row numbers. */
function sources({ moves, rows, width }: Rows, b: Builder): Value {
  const numbers: Value = b.iota({ shape: [rows], dtype: "i32" });
  const moved = moves.reduce((index, move) => {
    const { value, from, to } = move;
    const extents = shapeOf(move).slice(from, to).filter(isStatic);
    const inner = count(shapeOf(move).slice(to).filter(isStatic)) / width;
    const grid = as(b, index, [rows / (count(extents) * inner), ...extents, inner]);
    if (is(value, "roll")) return b.roll(grid, { axis: 1, shift: value.attrs.shift });
    const perm = value.attrs.perm.slice(from, to).map((p) => p - from + 1);
    return b.transpose(grid, { perm: [0, ...perm, extents.length + 1] });
  }, numbers);
  return as(b, moved, [rows]);
}

const as = (b: Builder, x: Value, shape: readonly Dim[]): Value =>
  sameShape(x.type.shape, shape) ? x : b.reshape(x, { shape });

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
