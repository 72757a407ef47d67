import { dtype } from "../attr.ts";
import { isFloat } from "../dtype.ts";
import { zeros } from "../ndarray.ts";
import { defineOp } from "../op.ts";
import { tensor } from "../type.ts";
import { mapBroadcast } from "./elementwise.ts";

export const cast = defineOp({
  name: "cast",
  doc: "The same numbers as another element type; floats lose their fraction on the way to integers (toward zero).",
  operands: ["x"],
  attrs: { to: dtype() },
  infer: ({ x }, { to }) => tensor(to, x.shape),
  evaluate: ({ x }, { to }, result) => {
    const convert = to === "bool" ? (v: number) => (v === 0 ? 0 : 1) : isFloat(to) ? (v: number) => v : Math.trunc;
    return mapBroadcast([x], zeros(to, result.shape), convert);
  },
});
