import { dtype, floats, ints } from "../attr.ts";
import { isFloat } from "../dtype.ts";
import { ndarray } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";

export const constant = defineOp({
  name: "constant",
  doc: "Literal numbers in row-major order, or one number for every element. C1: as many values as elements, or one. C2: values of integers are whole, of bool 0 or 1. C3: extents are not negative.",
  operands: [],
  attrs: { values: floats(), dtype: dtype("f32"), shape: ints([]) },
  infer: (_, { values, dtype, shape }) => {
    need(
      shape.every((d) => d >= 0),
      "C3",
      `a shape cannot have negative extents: [${shape.join(",")}]`,
    );
    const n = count(shape);
    need(values.length === 1 || values.length === n, "C1", `${values.length} values for ${n} elements`);
    const held = dtype === "bool" ? (v: number) => v === 0 || v === 1 : Number.isInteger;
    need(isFloat(dtype) || values.every(held), "C2", `${dtype} does not hold ${values.find((v) => !held(v))}`);
    return tensor(dtype, shape);
  },
  evaluate: (_, { values }, { dtype, shape }) => {
    const data = new Float64Array(count(shape));
    if (values.length === 1) data.fill(values[0] ?? 0);
    else data.set(values);
    return ndarray(dtype, shape, data);
  },
});
