import { type Expr, cast, compare, indexValue, literal, reduce, select } from "../expr.ts";
import { indexOf, variable } from "../index-expr.ts";
import { type RootOf, axesOf, given } from "./parts.ts";
import { everywhere } from "./point.ts";
import { gatherParts } from "./table.ts";

/**
 * A gather by a table of numbers: every entry is passed, and the one whose place the table names is kept, so that nothing is
 * read at a computed address. A place outside of the axis gives zero.
 */
export const gather: RootOf = ([x, table], value, shape) => {
  const { axis } = value.attrs as { axis: number };
  const [source, places] = [given(x), given(table)];
  const axes = axesOf(shape, ["b", "m", "o"]);
  const [ahead = [], own = [], behind = []] = gatherParts(axes.map(indexOf), axis, places.shape.length);
  const r = variable("r", source.shape[axis] ?? 1);
  const wanted = places.at(own, everywhere);
  const here: Expr = compare("eq", cast(indexValue(indexOf(r)), "f32"), wanted);
  const element = source.at([...ahead, indexOf(r), ...behind], everywhere);
  return { axes, statements: [], value: reduce("add", [r], select(here, element, literal(0))) };
};
