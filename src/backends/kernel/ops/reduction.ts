import { literal, reduce, mul } from "../expr.ts";
import { type Variable, indexOf, variable } from "../index-expr.ts";
import { type RootOf, axesOf, given } from "./parts.ts";
import { everywhere } from "./point.ts";

export const reduction =
  (op: "add" | "max", mean: boolean): RootOf =>
  ([x], value, shape) => {
    const { axes: summed, keep } = value.attrs as { axes: number[]; keep: boolean };
    const source = given(x);
    const axes = axesOf(shape, ["n", "m", "o"]);
    let next = 0;
    const over: Variable[] = [];
    const index = source.shape.map((extent, i) => {
      if (!summed.includes(i)) return indexOf(given(axes[next++]));
      if (keep) next++;
      const axis = variable(`r${i}`, extent);
      over.push(axis);
      return indexOf(axis);
    });
    const sum = reduce(op, over, source.at(index, everywhere));
    const n = over.reduce((count, axis) => count * axis.extent, 1);
    return { axes, statements: [], value: mean ? mul(sum, literal(1 / n)) : sum };
  };
