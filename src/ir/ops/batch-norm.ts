import { float } from "../attr.ts";
import { at, zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { count, tensor } from "../type.ts";
import { commonDType } from "./elementwise.ts";

export const batch_norm = defineOp({
  name: "batch_norm",
  doc: "Inference batch norm along axis 1: (x - mean) / sqrt(var + eps) * weight + bias (Ioffe and Szegedy 2015). C1: the four vectors have x's channels. C2: equal element types.",
  operands: ["x", "weight", "bias", "mean", "var"],
  attrs: { eps: float(1e-5) },
  infer: ({ x, weight, bias, mean, var: variance }) => {
    const vectors = [weight, bias, mean, variance];
    need(
      x.shape.length >= 2 && vectors.every((v) => v.shape.length === 1 && v.shape[0] === x.shape[1]),
      "C1",
      "weight, bias, mean and var must be vectors of x's channels (axis 1)",
    );
    return tensor(commonDType([x, ...vectors], "C2"), x.shape);
  },
  evaluate: ({ x, weight, bias, mean, var: variance }, { eps }, result) => {
    const out = zeros(result.dtype, result.shape);
    const channels = x.shape[1] ?? 1;
    const plane = count(x.shape.slice(2));
    for (let i = 0; i < out.data.length; i++) {
      const c = Math.floor(i / plane) % channels;
      out.data[i] = ((at(x, i) - at(mean, c)) / Math.sqrt(at(variance, c) + eps)) * at(weight, c) + at(bias, c);
    }
    return out;
  },
  macs: ({ x }) => 2 * count(x.shape),
});
