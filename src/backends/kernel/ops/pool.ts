import { type Expr, binary, literal, reduce, select, within, neutral } from "../expr.ts";
import { add, indexOf, offset, scale, variable } from "../index-expr.ts";
import { type RootOf, given } from "./parts.ts";
import { everywhere } from "./point.ts";

export const pool =
  (op: "add" | "max"): RootOf =>
  ([x], value, shape) => {
    const {
      kernel,
      stride,
      padding,
      count_include_pad: counted = true,
    } = value.attrs as {
      kernel: number[];
      stride: number[];
      padding: number[];
      count_include_pad?: boolean;
    };
    const source = given(x);
    const names = ["z", "y", "x"].slice(3 - kernel.length);
    const axes = [
      variable("n", shape[0] ?? 1),
      variable("o", shape[1] ?? 1),
      ...names.map((name, i) => variable(name, shape[i + 2] ?? 1)),
    ];
    const [n, o, ...space] = axes.map(indexOf);
    const windows = names.map((name, i) => variable(`k${name}`, kernel[i] ?? 1));
    const places = space.map((at, i) =>
      offset(add(scale(at, stride[i] ?? 1), indexOf(given(windows[i]))), -(padding[i] ?? 0)),
    );
    const extents = source.shape.slice(2);
    const inside = (margin: (i: number) => number): Expr =>
      places.reduce(
        (m, at, i) =>
          binary("and", m, within(offset(at, margin(i) === 0 ? 0 : (padding[i] ?? 0)), (extents[i] ?? 1) + margin(i))),
        everywhere,
      );
    const mask = inside(() => 0);
    const element = source.at([given(n), given(o), ...places], mask);
    if (op === "max")
      return { axes, statements: [], value: reduce("max", windows, select(mask, element, literal(neutral.max))) };
    const rank = kernel.length;
    const seen = counted ? inside((i) => (padding[i] ?? 0) + (padding[i + rank] ?? 0)) : mask;
    const sum = reduce("add", windows, select(mask, element, literal(0)));
    const whole = seen.kind === "literal";
    const size = whole
      ? literal(kernel.reduce((a, b) => a * b, 1))
      : reduce("add", windows, select(seen, literal(1), literal(0)));
    return { axes, statements: [], value: binary("div", sum, size) };
  };
