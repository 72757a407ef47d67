/** ConvMixer: Trockman and Kolter 2022 (Patches Are All You Need?, arXiv:2201.09792). */
import { mulDim } from "../../ir/dim.ts";
import { defineFamily } from "../define-family.ts";
import { commonArgs, globalPool } from "../family.ts";
import { fixed, fixedArg, refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { type ActName, act } from "../layers/act.ts";
import { fullyConnected, refuseUnpooled } from "../layers/classifier.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { globalPool2d } from "../layers/pool.ts";
import { type ConfigOf, classOnly, dropRates, ignored, int } from "../schema.ts";
import type { Module } from "../scope.ts";

const args = {
  ...commonArgs,
  drop_rate: dropRates.drop_rate,
  global_pool: globalPool(),
  dim: int(1536, "width", { min: 1 }),
  depth: int(20, "blocks", { min: 1 }),
  kernel_size: int(9, "kernel of the depthwise convolutions", { min: 1 }),
  patch_size: int(7, "height and width of a patch", { min: 1 }),
  act_layer: classOnly<ActName>("gelu", "the activation"),
  drop_path_rate: ignored("stochastic depth"),
  output_stride: ignored("the stride of the last stage"),
  norm_layer: ignored("the normalisation"),
  img_size: ignored("the input size, which nothing depends on"),
  fixed: fixedArg,
};

type Config = ConfigOf<typeof args>;

/** A convolution, then the activation, then the norm: in this order (eq. 1). */
const layer = (c: Config, conv: Module): readonly Module[] => [conv, act(c.act_layer), batchNorm()];

/** Eq. 2 and 3: positions are mixed beside a shortcut, channels without one. */
const block =
  (c: Config): Module =>
  (s, x) => {
    const depth = depthwise({ kernel: c.kernel_size, padding: "same", bias: true });
    const mix: Module = (t, y) =>
      t.add(
        t.call("fn", (u, z) => u.sequence(z, layer(c, depth)), y),
        y,
      );
    return s.sequence(x, [mix, ...layer(c, conv2d(c.dim, { bias: true }))]);
  };

/** timm flattens a map that is not pooled. */
const flattenAll: Module = (s, x) => {
  const [n = 1, ...rest] = x.type.shape;
  return rest.length === 1 ? x : s.reshape(x, { shape: [n, rest.reduce((product, d) => mulDim(product, d))] });
};

export default defineFamily({
  name: "convmixer",
  paper: "https://arxiv.org/abs/2201.09792",
  args,
  variants: {
    convmixer_1536_20: fixed({ dim: 1536, depth: 20, kernel_size: 9, patch_size: 7 }),
    convmixer_768_32: fixed({ dim: 768, depth: 32, kernel_size: 7, patch_size: 7, act_layer: "relu" as const }),
    convmixer_1024_20_ks9_p14: fixed({ dim: 1024, depth: 20, kernel_size: 9, patch_size: 14 }),
  },
  refuse: (c, given) => {
    if (c.global_pool.endsWith("catavgmax") && c.num_classes > 0)
      return `global_pool=${c.global_pool}: timm's classifier has no room for two pools`;
    return refuseFixed(c, given) ?? refuseUnpooled(c);
  },
  groups: () => [stemGroup(/stem/), blockGroup(/blocks\.(\d+)/)],
  build: (s, input, c) => {
    const patches = conv2d(c.dim, { kernel: c.patch_size, stride: c.patch_size, padding: 0, bias: true });
    const stem = s.call("stem", (t, y) => t.sequence(y, layer(c, patches)), input);
    const blocks = Array.from({ length: c.depth }, () => block(c));
    const x = s.call("blocks", (t, y) => t.sequence(y, blocks), stem);
    const preLogits = flattenAll(s, s.call("pooling", globalPool2d(c.global_pool), x));
    const logits = s.chain(preLogits, { head: fullyConnected(c.num_classes) });
    return { forwardFeatures: [x], preLogits: [preLogits], logits: [logits], stages: [], format: "NCHW" };
  },
});
