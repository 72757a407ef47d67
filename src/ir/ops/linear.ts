import { isStatic, printDim, sameDim } from "../dim.ts";
import { at, zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";
import { commonDType } from "./elementwise.ts";

export const linear = defineOp({
  name: "linear",
  doc: "x [..., I] times the transpose of weight [O, I], plus bias [O]. C1: weight is a matrix. C2: x's last extent is I. C3: bias is [O]. C4: equal element types.",
  operands: ["x", "weight", "bias?"],
  attrs: {},
  infer: ({ x, weight, bias }) => {
    const [o = 0, i = 0] = weight.shape;
    const last = x.shape.at(-1);
    need(weight.shape.length === 2 && isStatic(o), "C1", "weight must be [O, I]");
    need(
      last !== undefined && sameDim(last, i),
      "C2",
      `x has ${printDim(last ?? 0)} features, weight expects ${printDim(i)}`,
    );
    need(bias === undefined || (bias.shape.length === 1 && bias.shape[0] === o), "C3", `bias must be [${o}]`);
    return tensor(commonDType([x, weight, bias], "C4"), [...x.shape.slice(0, -1), o]);
  },
  evaluate: ({ x, weight, bias }, _, result) => {
    const out = zeros(result.dtype, result.shape);
    const [outputs = 1, inputs = 1] = weight.shape;
    const rows = count(result.shape.slice(0, -1));
    for (let r = 0; r < rows; r++)
      for (let o = 0; o < outputs; o++) {
        let sum = bias ? at(bias, o) : 0;
        for (let i = 0; i < inputs; i++)
          sum += (x.data[r * inputs + i] as number) * (weight.data[o * inputs + i] as number);
        out.data[r * outputs + o] = sum;
      }
    return out;
  },
  macs: ({ weight }, _, result) => count(result.shape) * (weight.shape[1] ?? 1),
});
