import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import { type ActName, act } from "./act.ts";
import { conv2d } from "./conv.ts";
import { channelsLast, layerNorm } from "./norm.ts";
import { makeDivisible } from "./rounding.ts";

/** 1x1 convolution, norm, activation, 1x1 convolution back (timm's ConvMlp with LayerNorm2d). */
const bottleneck =
  (width: number, name: ActName): Module =>
  (s, x) => {
    const channels = s.channels(x);
    return s.chain(x, {
      fc1: conv2d(width, { bias: true }),
      norm: channelsLast(layerNorm(1e-6)),
      act: act(name),
      fc2: conv2d(channels, { bias: true }),
    });
  };

/** The average of x over positions, weighted by a softmax of one convolution: [N, C, 1, 1]. */
function context(s: Scope, x: Value): Value {
  const [n = 1, c = 1, h = 1, w = 1] = x.type.shape;
  const positions = mulDim(h, w);
  const scores = s.call("conv_attn", conv2d(1, { bias: true }), x);
  const weights = s.softmax(s.reshape(scores, { shape: [n, positions, 1] }), { axis: 1 });
  const mean = s.matmul(s.reshape(x, { shape: [n, c, positions] }), weights);
  return s.reshape(mean, { shape: [n, c, 1, 1] });
}

/**
 * Global context attention (Cao et al. 2019, arXiv:1904.11492): channels scaled by a gate of the context, or with `add`
 * shifted by it.
 */
export const globalContext =
  ({ ratio = 1 / 8, act: name = "relu", add = false }: { ratio?: number; act?: ActName; add?: boolean } = {}): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const width = makeDivisible(channels * ratio, 1, 1, 0);
    const pooled = context(s, x);
    if (add) return s.add(x, s.call("mlp_add", bottleneck(width, name), pooled));
    return s.mul(x, s.chain(pooled, { mlp_scale: bottleneck(width, name), gate: act("sigmoid") }));
  };
