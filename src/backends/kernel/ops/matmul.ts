import { reduce, mul, plus } from "../expr.ts";
import { indexOf, variable } from "../index-expr.ts";
import { type RootOf, axesOf, given } from "./parts.ts";
import { everywhere } from "./point.ts";
import { broadcastIndex, unflatten } from "./shape.ts";

/** All rows, those of the leading axes too, are one axis. */
export const linear: RootOf = ([x, weight, bias], _, shape) => {
  const lead = shape.slice(0, -1);
  const m = variable(
    "m",
    lead.reduce((a, b) => a * b, 1),
  );
  const o = variable("o", shape.at(-1) ?? 1);
  const c = variable("c", given(weight).shape[1] ?? 1);
  const rows = unflatten(indexOf(m), lead);
  const element = given(x).at([...rows, indexOf(c)], everywhere);
  const sum = reduce("add", [c], mul(element, given(weight).at([indexOf(o), indexOf(c)], everywhere)));
  const value = bias === undefined ? sum : plus(sum, bias.at([indexOf(o)], everywhere));
  return { axes: [m, o], index: [...rows, indexOf(o)], statements: [], value };
};

export const matmul: RootOf = ([x, y], _, shape) => {
  const axes = axesOf(shape, ["b", "m", "o"]);
  const index = axes.map(indexOf);
  const [a, b] = [given(x), given(y)];
  const c = variable("c", a.shape.at(-1) ?? 1);
  const [m, o] = [given(index.at(-2)), given(index.at(-1))];
  const lead = index.slice(0, -2);
  const left = a.at([...broadcastIndex(lead, a.shape.slice(0, -2)), m, indexOf(c)], everywhere);
  const right = b.at([...broadcastIndex(lead, b.shape.slice(0, -2)), indexOf(c), o], everywhere);
  return { axes, statements: [], value: reduce("add", [c], mul(left, right)) };
};
