import { binary, literal, reduce, select, within } from "../expr.ts";
import { add, div, indexOf, offset, scale, variable } from "../index-expr.ts";
import { everywhere } from "./point.ts";
import { type RootOf, given, mul, plus } from "./parts.ts";

export const conv: RootOf = ([x, weight, bias], value, shape) => {
  const { stride, padding, dilation, groups } = value.attrs as {
    stride: number[];
    padding: number[];
    dilation: number[];
    groups: number;
  };
  const [input, kernel] = [given(x), given(weight)];
  const spatial = shape.length - 2;
  const names = ["z", "y", "x"].slice(3 - spatial);
  const axes = [
    variable("n", shape[0] ?? 1),
    variable("o", shape[1] ?? 1),
    ...names.map((name, i) => variable(name, shape[i + 2] ?? 1)),
  ];
  const [n, o, ...space] = axes.map(indexOf);
  const perGroup = kernel.shape[1] ?? 1;
  const c = variable("c", perGroup);
  const windows = names.map((name, i) => variable(`k${name}`, kernel.shape[i + 2] ?? 1));
  const places = space.map((at, i) =>
    offset(add(scale(at, stride[i] ?? 1), scale(indexOf(given(windows[i])), dilation[i] ?? 1)), -(padding[i] ?? 0)),
  );
  const mask = places.reduce((m, at, i) => binary("and", m, within(at, input.shape[i + 2] ?? 1)), everywhere);
  const group = div(given(o), (shape[1] ?? 1) / groups);
  const channel = add(scale(group, perGroup), indexOf(c));
  const element = select(mask, input.at([given(n), channel, ...places], mask), literal(0));
  const factor = kernel.at([given(o), indexOf(c), ...windows.map(indexOf)], everywhere);
  const sum = reduce("add", [...windows, c], mul(element, factor));
  return { axes, statements: [], value: bias === undefined ? sum : plus(sum, bias.at([given(o)], everywhere)) };
};
