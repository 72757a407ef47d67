import { float } from "../attr.ts";
import { at, zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { tensor } from "../type.ts";
import { commonDType } from "./elementwise.ts";

export const rms_norm = defineOp({
  name: "rms_norm",
  doc: "x / sqrt(mean(x^2) + eps) * weight over the last axis (Zhang and Sennrich 2019). C1: weight is a vector of the last extent. C2: equal element types.",
  operands: ["x", "weight?"],
  attrs: { eps: float() },
  infer: ({ x, weight }) => {
    need(
      weight === undefined || (weight.shape.length === 1 && weight.shape[0] === x.shape.at(-1)),
      "C1",
      "weight must be a vector of x's last extent",
    );
    return tensor(commonDType([x, weight], "C2"), x.shape);
  },
  evaluate: ({ x, weight }, { eps }, result) => {
    const out = zeros(result.dtype, result.shape);
    const width = x.shape.at(-1) ?? 1;
    for (let from = 0; from < out.data.length; from += width) {
      let square = 0;
      for (let i = 0; i < width; i++) square += at(x, from + i) ** 2 / width;
      const scale = 1 / Math.sqrt(square + eps);
      for (let i = 0; i < width; i++) out.data[from + i] = at(x, from + i) * scale * (weight ? at(weight, i) : 1);
    }
    return out;
  },
});
