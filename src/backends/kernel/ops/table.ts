import { type Value, is } from "../../../ir/value.ts";
import { type Index, add, constant, div, indexOf, isConstant, mod, scale, variable } from "../index-expr.ts";
import { given } from "./parts.ts";
import { broadcastIndex, reindex, shapeOf } from "./shape.ts";

/**
 * An element of a table of integers that is made of positions and numbers alone, as integer arithmetic of its index: such a
 * table is not stored. Undefined for every other.
 */
function tableAt(table: Value, index: readonly Index[]): Index | undefined {
  const operand = (i: number): Index | undefined => {
    const x = table.operands[i];
    return x && tableAt(x, broadcastIndex(index, shapeOf(x)));
  };
  const under = (to: (x: Value) => readonly Index[]): Index | undefined => {
    const [x] = table.operands;
    return x && tableAt(x, to(x));
  };
  const [x, y] = [operand(0), operand(1)];
  if (is(table, "iota")) return index[table.attrs.axis];
  if (is(table, "constant"))
    return table.attrs.values.length === 1 ? constant(given(table.attrs.values[0])) : undefined;
  if (is(table, "reshape")) return under((from) => reindex(index, shapeOf(table), shapeOf(from)));
  if (is(table, "transpose")) return under(() => index.map((_, axis) => given(index[table.attrs.perm.indexOf(axis)])));
  if (is(table, "expand") || is(table, "cast")) return x;
  if (x === undefined) return undefined;
  if (is(table, "neg")) return scale(x, -1);
  if (y === undefined) return undefined;
  return arithmetic(table, x, y);
}

function arithmetic(table: Value, x: Index, y: Index): Index | undefined {
  if (is(table, "add")) return add(x, y);
  if (is(table, "sub")) return add(x, scale(y, -1));
  if (is(table, "mul")) return isConstant(y) ? scale(x, y.constant) : isConstant(x) ? scale(y, x.constant) : undefined;
  if (!isConstant(y) || y.constant < 1) return undefined;
  if (is(table, "floor_div")) return div(x, y.constant);
  return is(table, "mod") ? mod(x, y.constant) : undefined;
}

/** The index of a result taken apart: the axes of x ahead of the gathered one, those of the table, those behind. */
export function gatherParts(index: readonly Index[], axis: number, table: number): (readonly Index[])[] {
  return [index.slice(0, axis), index.slice(axis, axis + table), index.slice(axis + table)];
}

/** Where a gather by a table of positions reads; undefined for other tables. */
export function gatheredPlace(value: Value, index: readonly Index[]): readonly Index[] | undefined {
  const { axis } = value.attrs as { axis: number };
  const table = given(value.operands[1]);
  const [ahead = [], own = [], behind = []] = gatherParts(index, axis, table.type.shape.length);
  const place = tableAt(table, own);
  return place && [...ahead, place, ...behind];
}

/** Whether a gather only moves elements, by a rule that is known. */
export const isRuled = (value: Value): boolean =>
  gatheredPlace(
    value,
    shapeOf(value).map((extent, i) => indexOf(variable(`a${i}`, extent))),
  ) !== undefined;
