import { dtype, floats, ints } from "../attr.ts";
import { ndarray } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";

export const constant = defineOp({
  name: "constant",
  doc: "Literal numbers in row-major order, or one number for every element. C1: as many values as elements, or one.",
  traits: ["source"],
  operands: [],
  attrs: { values: floats(), dtype: dtype("f32"), shape: ints([]) },
  infer: (_, { values, dtype, shape }) => {
    const n = count(shape);
    need(values.length === 1 || values.length === n, "C1", `${values.length} values for ${n} elements`);
    return tensor(dtype, shape);
  },
  evaluate: (_, { values }, { dtype, shape }) => {
    const data = new Float64Array(count(shape));
    if (values.length === 1) data.fill(values[0] ?? 0);
    else data.set(values);
    return ndarray(dtype, shape, data);
  },
});
