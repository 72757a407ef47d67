/** FastViT: Vasu et al. 2023 (arXiv:2303.14189), and the image towers of MobileCLIP (2311.17049). */
import { defineFamily } from "../define-family.ts";
import { type Stage, firstStages } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { halvingStages } from "../layers/block-stages.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import type { Module } from "../scope.ts";
import { attentionBlock, repMixerBlock } from "./blocks.ts";
import { largeKernel, mobileOne, positionEncoding } from "./branches.ts";
import { type FastVitConfig, args } from "./config.ts";
import { remap } from "./remap.ts";

const act = "gelu";

const stem =
  (c: FastVitConfig): Module =>
  (s, x) => {
    const width = c.embed_dims[0] ?? 0;
    const common = { act, merged: c.inference_mode, scale: c.stem_use_scale_branch } as const;
    return s.sequence(x, [
      mobileOne(width, { ...common, kernel: 3, stride: 2 }),
      mobileOne(width, { ...common, kernel: 3, stride: 2, depthwise: true }),
      mobileOne(width, { ...common, kernel: 1 }),
    ]);
  };

/** Between two stages: a large depthwise convolution with the stride, then a pointwise one. */
const downsample =
  (c: FastVitConfig, i: number): Module =>
  (s, x) => {
    const out = c.embed_dims[i] ?? 0;
    const merged = c.inference_mode;
    const large = largeKernel(out, {
      kernel: c.down_patch_size,
      stride: c.down_stride,
      depthwise: true,
      se: c.se_downsamples[i] ?? false,
      act: c.lkc_use_act ? act : undefined,
      merged,
    });
    return s.call("proj", (t, y) => t.sequence(y, [large, mobileOne(out, { kernel: 1, act, merged })]), x);
  };

const stage =
  (c: FastVitConfig, i: number): Module =>
  (s, x) => {
    const attends = c.attends[i] === true;
    const block = (attends ? attentionBlock : repMixerBlock)(c, c.mlp_ratios[i] ?? 4);
    return s.chain(x, {
      downsample: i > 0 ? downsample(c, i) : undefined,
      pos_emb: attends ? positionEncoding(c.inference_mode) : undefined,
      blocks: (t, y) => t.sequence(y, Array<Module>(c.layers[i] ?? 0).fill(block)),
    });
  };

const doubling = (width: number, stages = 4): number[] => Array.from({ length: stages }, (_, i) => width * 2 ** i);

const row = (layers: readonly number[], width: number, ratio: number, attentionStages = 0) => ({
  layers,
  embed_dims: doubling(width, layers.length),
  mlp_ratios: layers.map(() => ratio),
  attends: layers.map((_, i) => i >= layers.length - attentionStages),
});
const mci = { se_downsamples: [false, false, true, true], lkc_use_act: true } as const;
const mciLarge = { lkc_use_act: true, norm: "layernorm2d", stem_use_scale_branch: false } as const;

export default defineFamily({
  name: "fastvit",
  paper: "https://arxiv.org/abs/2303.14189",
  args,
  variants: {
    fastvit_t8: row([2, 2, 4, 2], 48, 3),
    fastvit_t12: row([2, 2, 6, 2], 64, 3),
    fastvit_s12: row([2, 2, 6, 2], 64, 4),
    fastvit_sa12: row([2, 2, 6, 2], 64, 4, 1),
    fastvit_sa24: row([4, 4, 12, 4], 64, 4, 1),
    fastvit_sa36: row([6, 6, 18, 6], 64, 4, 1),
    fastvit_ma36: row([6, 6, 18, 6], 76, 4, 1),
    fastvit_mci0: { ...row([2, 6, 10, 2], 64, 3, 1), ...mci },
    fastvit_mci1: { ...row([4, 12, 20, 4], 64, 3, 1), ...mci },
    fastvit_mci2: { ...row([4, 12, 24, 4], 80, 3, 1), ...mci },
    fastvit_mci3: { ...row([2, 12, 24, 4, 2], 96, 4, 2), ...mciLarge },
    fastvit_mci4: { ...row([2, 12, 24, 4, 4], 128, 4, 2), ...mciLarge },
  },
  refuse: (c, given) => {
    if (given.has("norm_layer") && c.layers.some((_, i) => c.attends[i] === true))
      return "norm_layer: timm takes a Python class only, which no name can stand for";
    const stages = c.layers.length;
    if (stages > c.attends.length) return `layers has ${stages} entries for ${c.attends.length} stages`;
    for (const [name, list] of Object.entries({ embed_dims: c.embed_dims, mlp_ratios: c.mlp_ratios }))
      if (list.length < stages) return `${name} has ${list.length} entries for ${stages} stages`;
    if (c.embed_dims.at(-1) !== c.embed_dims[stages - 1])
      return "the last of embed_dims must be the width of the last stage: timm's last convolution has it";
    return refuseUnpooled(c);
  },
  groups: (coarse) => [
    stemGroup(/stem/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [
          blockGroup(/stages\.(\d+).downsample/, "first"),
          blockGroup(/stages\.(\d+).pos_emb/, "first"),
          blockGroup(/stages\.(\d+)\.\w+\.(\d+)/),
        ]),
  ],
  remap: () => remap,
  build: (s, input, c) => {
    const stages: Stage[] = [];
    const trunk = halvingStages(
      c.layers.map((_, i) => stage(c, i)),
      stages,
    );
    const last = mobileOne(Math.trunc((c.embed_dims.at(-1) ?? 0) * c.cls_ratio), {
      kernel: 3,
      depthwise: true,
      se: true,
      act,
      merged: c.inference_mode,
    });
    const features = s.chain(input, { stem: stem(c), stages: trunk, final_conv: last });
    const head = callHead(s, "head", classifierHead({ classes: c.num_classes, pool: c.global_pool }), features);
    return {
      forwardFeatures: [features],
      preLogits: [head.preLogits],
      logits: [head.logits],
      stages,
      defaultStages: firstStages(4, stages),
      format: "NCHW",
    };
  },
});
