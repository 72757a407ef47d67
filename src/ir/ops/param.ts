import { dtype, ints, text } from "../attr.ts";
import { defineOp, need } from "../op.ts";
import { tensor } from "../type.ts";

export const param = defineOp({
  name: "param",
  doc: "A parameter or buffer of the checkpoint by its name there. C1: extents are not negative.",
  operands: [],
  attrs: { key: text(), dtype: dtype("f32"), shape: ints() },
  infer: (_, { dtype, shape }) => {
    need(
      shape.every((d) => d >= 0),
      "C1",
      `a shape cannot have negative extents: [${shape.join(",")}]`,
    );
    return tensor(dtype, shape);
  },
});
