import { reduce } from "../expr.ts";
import { indexOf, variable } from "../index-expr.ts";
import { type RootOf, axesOf, given, mul, plus } from "./parts.ts";
import { everywhere } from "./point.ts";
import { broadcastIndex } from "./shape.ts";

export const linear: RootOf = ([x, weight, bias], _, shape) => {
  const axes = axesOf(shape, ["b", "m", "o"]);
  const index = axes.map(indexOf);
  const c = variable("c", given(weight).shape[1] ?? 1);
  const o = given(index.at(-1));
  const element = given(x).at([...index.slice(0, -1), indexOf(c)], everywhere);
  const sum = reduce("add", [c], mul(element, given(weight).at([o, indexOf(c)], everywhere)));
  return { axes, statements: [], value: bias === undefined ? sum : plus(sum, bias.at([o], everywhere)) };
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
