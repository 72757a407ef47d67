import { zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { tensor } from "../type.ts";
import { broadcastShapes, commonDType, mapBroadcast } from "./elementwise.ts";

export const where = defineOp({
  name: "where",
  doc: "x where the condition holds, y elsewhere. C1: equal element types of x and y. C2: shapes broadcast. C3: condition is bool.",
  operands: ["condition", "x", "y"],
  attrs: {},
  infer: ({ condition, x, y }) => {
    need(condition.dtype === "bool", "C3", `the condition is ${condition.dtype}, not bool`);
    return tensor(commonDType([x, y]), broadcastShapes(condition.shape, x.shape, y.shape));
  },
  evaluate: ({ condition, x, y }, _, result) =>
    mapBroadcast([condition, x, y], zeros(result.dtype, result.shape), (c, a, b) => (c === 0 ? b : a)),
});
