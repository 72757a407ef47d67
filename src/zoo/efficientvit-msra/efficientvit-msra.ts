/** EfficientViT of Microsoft: Liu et al. 2023 (arXiv:2305.07027), cascaded group attention between feed-forward layers. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { squeezeExcite } from "../layers/channel-attention.ts";
import { bnLinear, convBn, convReduction, depthwiseBn, pointwiseMlp, residual } from "../layers/conv-bn.ts";
import { globalPool2d } from "../layers/pool.ts";
import { type ConfigOf, dropout, int, ints, oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";
import { type AttentionOptions, windowAttention } from "./attention.ts";

const args = {
  ...commonArgs,
  drop_rate: dropout("dropout before the classifier; no effect at inference"),
  img_size: int(224, "height and width of the input", { min: 16 }),
  global_pool: oneOf(["avg", ""], "avg", 'pooling before the classifier; "" keeps the map'),
  embed_dim: ints([64, 128, 192], "channels of each stage", { min: 8, length: 3 }),
  key_dim: ints([16, 16, 16], "width of queries and keys, by stage", { min: 1, length: 3 }),
  depth: ints([1, 2, 3], "blocks of each stage", { min: 0, length: 3 }),
  num_heads: ints([4, 4, 4], "attention heads of each stage", { min: 1, length: 3 }),
  window_size: ints([7, 7, 7], "height and width of the windows, by stage", { min: 1, length: 3 }),
  kernels: ints([5, 5, 5, 5], "kernels of the convolutions on queries, by head", { min: 1 }),
};

type Config = ConfigOf<typeof args>;

const relu = act("relu");
const local = residual(depthwiseBn({ kernel: 3 }, "conv"));
const ffn = residual(pointwiseMlp(relu, "conv"));

/** Fig. 3 (b): the sandwich. */
const block =
  (o: AttentionOptions): Module =>
  (s, x) =>
    s.chain(x, { dw0: local, ffn0: ffn, mixer: residual(windowAttention(o)), dw1: local, ffn1: ffn });

const patchMerging = (out: number): Module =>
  convReduction(out, { act: relu, ratio: 4, se: squeezeExcite({ ratio: 0.25 }), shareAct: true, name: "conv" });

const downsample =
  (out: number): Module =>
  (s, x) => {
    const around: Module = (t, y) => t.sequence(y, [local, ffn]);
    return s.chain(x, { res1: around, patchmerge: patchMerging(out), res2: around });
  };

const stem =
  (width: number): Module =>
  (s, x) => {
    const half = (by: number): Module => convBn(Math.floor(width / by), { kernel: 3, stride: 2 }, "conv");
    return s.chain(x, {
      conv1: half(8),
      relu1: relu,
      conv2: half(4),
      relu2: relu,
      conv3: half(2),
      relu3: relu,
      conv4: half(1),
    });
  };

function attentionOf(c: Config, i: number, size: number): AttentionOptions {
  const [width = 1, heads = 1, keyDim = 1] = [c.embed_dim[i], c.num_heads[i], c.key_dim[i]];
  const valueDim = Math.trunc((width / (keyDim * heads)) * keyDim);
  return { heads, keyDim, valueDim, size, window: c.window_size[i] ?? 7, kernels: c.kernels };
}

const row = (
  embed_dim: readonly number[],
  depth: readonly number[],
  num_heads: readonly number[],
  kernels: readonly number[],
) => ({ embed_dim, depth, num_heads, kernels });

export default defineFamily({
  name: "efficientvit_msra",
  paper: "https://arxiv.org/abs/2305.07027",
  args,
  variants: {
    efficientvit_m0: row([64, 128, 192], [1, 2, 3], [4, 4, 4], [5, 5, 5, 5]),
    efficientvit_m1: row([128, 144, 192], [1, 2, 3], [2, 3, 3], [7, 5, 3, 3]),
    efficientvit_m2: row([128, 192, 224], [1, 2, 3], [4, 3, 2], [7, 5, 3, 3]),
    efficientvit_m3: row([128, 240, 320], [1, 2, 3], [4, 3, 4], [5, 5, 5, 5]),
    efficientvit_m4: row([128, 256, 384], [1, 2, 3], [4, 4, 4], [7, 5, 3, 3]),
    efficientvit_m5: row([192, 288, 384], [1, 3, 4], [3, 3, 4], [7, 5, 3, 3]),
  },
  refuse: (c) => {
    if (c.num_heads.some((heads) => heads > c.kernels.length)) return "kernels needs an entry for each head";
    if (c.num_heads.some((heads, i) => (c.embed_dim[i] ?? 0) % heads !== 0)) return "num_heads must divide embed_dim";
    return c.global_pool === "" && c.num_classes > 0
      ? 'global_pool="" needs num_classes=0: the classifier takes no map'
      : undefined;
  },
  fixedSize: () => "attention takes the maps of img_size alone: timm asserts it",
  groups: (coarse) => [
    stemGroup(/patch_embed/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [blockGroup(/stages\.(\d+).downsample/, "first"), blockGroup(/stages\.(\d+)\.\w+\.(\d+)/)]),
  ],
  build: (s, input, c) => {
    const stages: Stage[] = [];
    let size = Math.floor(c.img_size / 16);
    const trunk: Module = (t, y) =>
      c.embed_dim.reduce<Value>((x, width, i) => {
        if (i > 0) size = Math.ceil(size / 2);
        const blocks = Array<Module>(c.depth[i] ?? 0).fill(block(attentionOf(c, i, size)));
        const stage: Module = (u, z) =>
          u.chain(z, { downsample: i === 0 ? undefined : downsample(width), blocks: (v, a) => v.sequence(a, blocks) });
        const value = t.call(i, stage, x);
        stages.push({ module: `stages.${i}`, value, reduction: 16 * 2 ** i, format: "NCHW" });
        return value;
      }, y);
    const features = s.chain(input, { patch_embed: stem(c.embed_dim[0] ?? 0), stages: trunk });
    const pooled = s.call("global_pool", globalPool2d(c.global_pool), features);
    const logits = s.chain(pooled, { head: bnLinear(c.num_classes, "linear") });
    return { forwardFeatures: [features], preLogits: [pooled], logits: [logits], stages, format: "NCHW" };
  },
});
