import { dims, dtype } from "../attr.ts";
import { defineOp } from "../op.ts";
import { tensor } from "../type.ts";

export const input = defineOp({
  name: "input",
  doc: "An input of the model; its value's name is the name that callers feed.",
  operands: [],
  attrs: { dtype: dtype("f32"), shape: dims() },
  infer: (_, { dtype, shape }) => tensor(dtype, shape),
});
