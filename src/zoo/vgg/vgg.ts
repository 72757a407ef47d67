/** VGG: Simonyan and Zisserman 2014 (arXiv:1409.1556), table 1; its fully connected layers are convolutions here. */
import { isStatic } from "../../ir/dim.ts";
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import type { Stage } from "../family.ts";
import { act } from "../layers/act.ts";
import { adaptiveAvgPool } from "../layers/adaptive-avg-pool.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { conv2d } from "../layers/conv.ts";
import { norm } from "../layers/norm.ts";
import { maxPool } from "../layers/pool.ts";
import type { Module } from "../scope.ts";
import { type VggConfig, args } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

/** Channels of the convolutions before each pool. */
const widths = [64, 128, 256, 512, 512];
const headWidth = 4096;
const headKernel = 7;

/** The layers of `features` in order; each stage ends where the next layer is a pool. */
function layers(c: VggConfig): { readonly layers: readonly Module[]; readonly ends: readonly number[] } {
  const list: Module[] = [];
  const ends: number[] = [];
  c.convs.forEach((convs, i) => {
    for (let j = 0; j < convs; j++) {
      list.push(conv2d(widths[i] ?? 0, { kernel: 3, bias: true }));
      if (c.norm_layer) list.push(norm(c.norm_layer));
      list.push(act(c.act_layer));
    }
    ends.push(list.length - 1);
    list.push(maxPool(2));
  });
  return { layers: list, ends: [...ends, list.length - 1] };
}

/**
 * The first two fully connected layers as convolutions. A map smaller than their kernel is spread to its size; a map of a
 * symbolic size is taken to be large enough, and the convolution fails at run time where it is not.
 */
const convMlp =
  (c: VggConfig): Module =>
  (s, x) => {
    const size = x.type.shape.slice(2);
    const small = size.some((extent) => isStatic(extent) && extent < headKernel);
    const large = (axis: number): number =>
      Math.max(headKernel, s.static(size[axis] ?? 0, "a map smaller than the head is spread to its size"));
    if (!size.every(isStatic))
      s.notice(
        `a map before the classifier that is smaller than ${headKernel}x${headKernel} is refused when the model runs; timm spreads it`,
      );
    const map = small ? adaptiveAvgPool([large(0), large(1)])(s, x) : x;
    return s.chain(map, {
      fc1: conv2d(Math.trunc(headWidth * c.mlp_ratio), { kernel: headKernel, padding: 0, bias: true }),
      act1: act(c.act_layer),
      fc2: conv2d(headWidth, { bias: true }),
      act2: act(c.act_layer),
    });
  };

export default defineFamily({
  name: "vgg",
  paper: "https://arxiv.org/abs/1409.1556",
  args,
  variants,
  remap: () => remap,
  refuse: (c) => {
    if (c.mlp_ratio * headWidth < 1) return `mlp_ratio=${c.mlp_ratio} leaves no channels in the head`;
    if (c.global_pool === "" && c.num_classes > 0)
      return 'global_pool="" needs num_classes=0: the classifier takes no map';
    return undefined;
  },
  groups: () => [stemGroup(/features\.0/), blockGroup(/features\.(\d+)/)],
  build: (s, input, c) => {
    const { layers: list, ends } = layers(c);
    const stages: Stage[] = [];
    const trunk: Module = (t, image) =>
      list.reduce((x, layer, i) => {
        const value = t.call(i, layer, x);
        if (ends.includes(i))
          stages.push({ module: `features.${i}`, value, reduction: 2 ** stages.length, format: "NCHW" });
        return value;
      }, image);
    const features = s.call("features", trunk, input);
    const map = s.call("pre_logits", convMlp(c), features);
    const head = callHead(s, "head", classifierHead({ classes: c.num_classes, pool: c.global_pool }), map);
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
