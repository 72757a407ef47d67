/** RepViT: Wang et al. 2023 (arXiv:2307.09283), a MobileNet block split into token and channel mixer. */
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { halvingStages } from "../layers/block-stages.ts";
import { squeezeExcite } from "../layers/channel-attention.ts";
import { bnLinear, convBn, depthwiseBn } from "../layers/conv-bn.ts";
import { depthwise } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { globalPoolOver } from "../layers/pool.ts";
import { meanOfHeads } from "../layers/two-heads.ts";
import { type ConfigOf, bool, classOnly, dropout, ignored, int, ints, oneOf, perStage, stagewise } from "../schema.ts";
import type { Module } from "../scope.ts";

const args = {
  ...commonArgs,
  drop_rate: dropout("dropout before the classifier; no effect at inference"),
  img_size: ignored("height and width of the input"),
  global_pool: oneOf(["avg", ""], "avg", 'pooling before the classifier; "" keeps the map'),
  embed_dim: ints([48, 96, 192, 384], "channels of each stage", { min: 2 }),
  depth: ints([2, 2, 14, 2], "blocks of each stage", { min: 0 }),
  mlp_ratio: perStage(int(2, "width inside a channel mixer over that of its stage", { min: 1 })),
  kernel_size: int(3, "kernel of the token mixers", { min: 1 }),
  act_layer: classOnly(undefined, "the activation"),
  distillation: bool(true, "a second head, whose scores are averaged with the first one's"),
  legacy: bool(false, "a batch norm in each branch of a token mixer instead of one after their sum"),
};

type RepVitConfig = ConfigOf<typeof args>;

const centred = (kernel: number): number => Math.floor((kernel - 1) / 2);

/** Fig. 3 (d): depthwise convolutions of two sizes and the identity in parallel. */
const tokenMixer =
  ({ kernel_size: kernel, legacy }: RepVitConfig): Module =>
  (s, x) => {
    const large = s.call("conv", depthwiseBn({ kernel, padding: centred(kernel) }), x);
    const point = s.call("conv1", legacy ? depthwiseBn() : depthwise({ bias: true }), x);
    return s.chain(s.add(s.add(large, point), x), { bn: legacy ? undefined : batchNorm() });
  };

const channelMixer =
  (ratio: number): Module =>
  (s, x) => {
    const width = s.channels(x);
    return s.chain(x, { conv1: convBn(width * ratio), act: act("gelu"), conv2: convBn(width) });
  };

const block =
  (c: RepVitConfig, ratio: number, se: boolean): Module =>
  (s, x) => {
    const y = s.chain(x, { token_mixer: tokenMixer(c), se: se ? squeezeExcite({ ratio: 0.25 }) : undefined });
    return s.add(y, s.call("channel_mixer", channelMixer(ratio), y));
  };

/** Fig. 3: a block, a strided depthwise and a pointwise convolution, a channel mixer. */
const downsample =
  (c: RepVitConfig, ratio: number, out: number): Module =>
  (s, x) => {
    const y = s.chain(x, {
      pre_block: block(c, ratio, false),
      spatial_downsample: depthwiseBn({ kernel: c.kernel_size, stride: 2, padding: centred(c.kernel_size) }),
      channel_downsample: convBn(out),
    });
    return s.add(s.call("ffn", channelMixer(ratio), y), y);
  };

const stem =
  (width: number): Module =>
  (s, x) =>
    s.chain(x, {
      conv1: convBn(Math.floor(width / 2), { kernel: 3, stride: 2 }),
      act1: act("gelu"),
      conv2: convBn(width, { kernel: 3, stride: 2 }),
    });

const m = (width: number, depth: readonly number[], legacy = false) => ({
  embed_dim: [width, 2 * width, 4 * width, 8 * width],
  depth,
  legacy,
});

export default defineFamily({
  name: "repvit",
  paper: "https://arxiv.org/abs/2307.09283",
  args,
  variants: {
    repvit_m1: m(48, [2, 2, 14, 2], true),
    repvit_m2: m(64, [2, 2, 12, 2], true),
    repvit_m3: m(64, [4, 4, 18, 2], true),
    repvit_m0_9: m(48, [2, 2, 14, 2]),
    repvit_m1_0: m(56, [2, 2, 14, 2]),
    repvit_m1_1: m(64, [2, 2, 12, 2]),
    repvit_m1_5: m(64, [4, 4, 24, 4]),
    repvit_m2_3: m(80, [6, 6, 34, 2]),
  },
  refuse: (c) => {
    const stages = c.embed_dim.length;
    if (c.depth.length < stages) return `depth has ${c.depth.length} entries for ${stages} stages`;
    if (Array.isArray(c.mlp_ratio) && c.mlp_ratio.length < stages)
      return `mlp_ratio has ${c.mlp_ratio.length} entries for ${stages} stages`;
    return c.global_pool === "" && c.num_classes > 0
      ? 'global_pool="" needs num_classes=0: the classifier takes no map'
      : undefined;
  },
  groups: () => [stemGroup(/stem/), blockGroup(/blocks\.(\d+)/), blockGroup(/norm/, "last")],
  build: (s, input, c) => {
    const ratios = stagewise(c.mlp_ratio, c.embed_dim.length);
    const stages: Stage[] = [];
    const stage =
      (i: number): Module =>
      (t, x) => {
        const ratio = ratios[i] ?? 2;
        const blocks = Array.from({ length: c.depth[i] ?? 0 }, (_, j) => block(c, ratio, j % 2 === 0));
        return t.chain(x, {
          downsample: i === 0 ? undefined : downsample(c, ratio, c.embed_dim[i] ?? 0),
          blocks: (u, y) => u.sequence(y, blocks),
        });
      };
    const trunk = halvingStages(
      c.embed_dim.map((_, i) => stage(i)),
      stages,
    );
    const features = s.chain(input, { stem: stem(c.embed_dim[0] ?? 0), stages: trunk });
    const pooled = globalPoolOver(s, features, c.global_pool, [2, 3]);
    const logits = s.call("head", (t, y) => meanOfHeads(t, y, bnLinear(c.num_classes), c.distillation), pooled);
    return { forwardFeatures: [features], preLogits: [pooled], logits: [logits], stages, format: "NCHW" };
  },
});
