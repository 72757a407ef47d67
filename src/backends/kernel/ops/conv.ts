import { binary, literal, reduce, select, within, mul, plus } from "../expr.ts";
import { add, constant, div, indexOf, offset, scale, variable } from "../index-expr.ts";
import { everywhere } from "./point.ts";
import { unflatten } from "./shape.ts";
import { type RootOf, given } from "./parts.ts";

/** Output channels, places, and the images that they are in. Of pointwise convolutions all places are one axis. */
export const conv: RootOf = ([x, weight, bias], value, shape, { flat, width = 1 }) => {
  const { stride, padding, dilation, groups } = value.attrs as {
    stride: number[];
    padding: number[];
    dilation: number[];
    groups: number;
  };
  const [input, kernel] = [given(x), given(weight)];
  const spatial = shape.length - 2;
  const names = ["z", "y", "x"].slice(3 - spatial);
  const extents = shape.slice(2);
  const rows = [shape[0] ?? 1, ...extents];
  const isFlat = groups === 1 && (flat || kernel.shape.slice(2).every((k) => k === 1));
  const m = variable(
    "m",
    rows.reduce((a, b) => a * b, 1),
  );
  const inRow = (i: number): number => (i === spatial - 1 ? width : 1);
  const apart = [variable("n", rows[0] ?? 1), ...names.map((name, i) => variable(name, (extents[i] ?? 1) / inRow(i)))];
  const [n, ...blocks] = isFlat ? unflatten(indexOf(m), rows) : apart.map(indexOf);
  const passed = variable("s", width);
  const space = blocks.map((at, i) => add(scale(at, inRow(i)), i === spatial - 1 ? indexOf(passed) : constant(0)));
  const out = variable("o", shape[1] ?? 1);
  const o = indexOf(out);
  const perGroup = kernel.shape[1] ?? 1;
  const c = variable("c", perGroup);
  const windows = names.map((name, i) => variable(`k${name}`, kernel.shape[i + 2] ?? 1));
  const places = space.map((at, i) =>
    offset(add(scale(at, stride[i] ?? 1), scale(indexOf(given(windows[i])), dilation[i] ?? 1)), -(padding[i] ?? 0)),
  );
  const mask = places.reduce((m, at, i) => binary("and", m, within(at, input.shape[i + 2] ?? 1)), everywhere);
  const group = div(o, (shape[1] ?? 1) / groups);
  const channel = add(scale(group, perGroup), indexOf(c));
  const element = select(mask, input.at([given(n), channel, ...places], mask), literal(0));
  const factor = kernel.at([o, indexOf(c), ...windows.map(indexOf)], everywhere);
  const sum = reduce("add", [...windows, c], mul(element, factor));
  const biased = bias === undefined ? sum : plus(sum, bias.at([o], everywhere));
  const inner = width > 1 ? [passed] : [];
  const axes = isFlat ? [m, out] : [given(apart[0]), out, ...apart.slice(1), ...inner];
  return { axes, index: [given(n), o, ...space], statements: [], value: biased, ...(width > 1 && { passed }) };
};
