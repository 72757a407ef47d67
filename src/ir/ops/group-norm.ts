import { float, int } from "../attr.ts";
import { isStatic } from "../dim.ts";
import { at, zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";
import { commonDType } from "./elementwise.ts";

export const group_norm = defineOp({
  name: "group_norm",
  doc: "Normalises x [N, C, ...] over each group of C / groups channels and all positions, biased variance, then weight and bias by channel (Wu and He 2018). C1: groups is at least 1 and divides C. C2: weight and bias are vectors of C. C3: equal element types.",
  operands: ["x", "weight?", "bias?"],
  attrs: { groups: int(), eps: float(1e-5) },
  infer: ({ x, weight, bias }, { groups }) => {
    const c = x.shape[1];
    need(
      c !== undefined && isStatic(c) && groups >= 1 && c % groups === 0,
      "C1",
      `${groups} groups do not divide the channels`,
    );
    for (const v of [weight, bias])
      need(v === undefined || (v.shape.length === 1 && v.shape[0] === c), "C2", `weight and bias must be [${c}]`);
    return tensor(commonDType([x, weight, bias], "C3"), x.shape);
  },
  evaluate: ({ x, weight, bias }, { groups, eps }, result) => {
    const out = zeros(result.dtype, result.shape);
    const channels = x.shape[1] ?? 1;
    const plane = count(x.shape.slice(2));
    const size = (channels / groups) * plane;
    for (let from = 0; from < out.data.length; from += size) {
      let mean = 0;
      for (let i = 0; i < size; i++) mean += at(x, from + i) / size;
      let variance = 0;
      for (let i = 0; i < size; i++) variance += (at(x, from + i) - mean) ** 2 / size;
      const scale = 1 / Math.sqrt(variance + eps);
      for (let i = 0; i < size; i++) {
        const c = Math.floor((from + i) / plane) % channels;
        out.data[from + i] = (at(x, from + i) - mean) * scale * (weight ? at(weight, c) : 1) + (bias ? at(bias, c) : 0);
      }
    }
    return out;
  },
  macs: ({ x, weight }) => (weight ? 5 : 4) * count(x.shape),
});
