import { type Expr, binary, localValue, reduce, unary, minus } from "../expr.ts";
import { type RootOf, f32, given } from "./parts.ts";
import { everywhere } from "./point.ts";
import { rowwise } from "./rowwise.ts";

export const softmax: RootOf = ([x], value, shape) => {
  const { axis } = value.attrs as { axis: number };
  return rowwise(shape, axis, ({ at, axes: rows }) => {
    const [top, total] = [f32("top", rows), f32("total", rows)];
    const share = (pass: number): Expr => unary("exp", minus(given(x).at(at(pass).index, everywhere), localValue(top)));
    return {
      statements: [
        { kind: "let", local: top, value: reduce("max", [at(1).axis], given(x).at(at(1).index, everywhere)) },
        { kind: "let", local: total, value: reduce("add", [at(2).axis], share(2)) },
      ],
      value: binary("div", share(0), localValue(total)),
    };
  });
};
