/**
 * MobileNetV3 (Howard et al. 2019, arXiv:1905.02244) and V4 (Qin et al. 2024, 2404.10518), FBNetV3 (2006.02049), PP-LCNet
 * (2109.15099): blocks as in EfficientNet, but the map is pooled before the last convolution.
 */
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { decodeStages } from "../efficientnet/block-string.ts";
import { planBlocks } from "../efficientnet/plan.ts";
import { paddingOf, refuseTrunk, roundChannels } from "../efficientnet/trunk-args.ts";
import { trunk } from "../efficientnet/trunk.ts";
import { act } from "../layers/act.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { flatten } from "../layers/classifier-head.ts";
import { conv2d } from "../layers/conv.ts";
import { normAct } from "../layers/norm-act.ts";
import { globalPool2d } from "../layers/pool.ts";
import type { Module } from "../scope.ts";
import { type MobileNetV3Config, args, generatorArgs } from "./config.ts";
import { variants } from "./variants.ts";

/** Pool, 1x1 convolution and activation (V4: norm and activation), flatten: timm's "efficient head". */
const head =
  (c: MobileNetV3Config): Module =>
  (s, x) => {
    const { design } = c;
    const name = c.act_layer ?? design.act;
    const normed = design.headNorm ?? c.head_norm;
    const bias = !normed && (design.headBias ?? c.head_bias);
    return s.chain(x, {
      global_pool: globalPool2d(c.global_pool, true),
      conv_head: conv2d(design.head ?? c.num_features, { bias, padding: paddingOf(c) }),
      norm_head: normed ? normAct({ kind: "batchnorm2d", eps: c.bn_eps }, name) : undefined,
      act2: normed ? undefined : act(name),
      flatten: c.global_pool === "" ? undefined : flatten,
    });
  };

export default defineFamily({
  name: "mobilenetv3",
  paper: "https://arxiv.org/abs/1905.02244",
  args,
  variants,
  refuse: (c, given) => {
    if (given.has("output_stride") && !c.features_only)
      return "timm takes output_stride here only for feature networks: it needs features_only=true";
    return refuseTrunk(c, given, c.design.takes, generatorArgs);
  },
  groups: (coarse) => [stemGroup(/conv_stem|bn1/), blockGroup(coarse ? /blocks\.(\d+)/ : /blocks\.(\d+)\.(\d+)/)],
  build: (s, input, c) => {
    const { design } = c;
    const round = roundChannels(c.channel_multiplier, 8, design.roundLimit);
    const style = {
      padding: paddingOf(c),
      norm: { kind: "batchnorm2d", eps: c.bn_eps } as const,
      act: c.act_layer ?? design.act,
      aa: c.aa_layer,
      se: design.se(round),
      layerScale: design.layerScale ?? false,
    };
    const size = design.stem ?? c.stem_size;
    const fixed = design.fixStemBelow === undefined ? c.fix_stem : c.channel_multiplier < design.fixStemBelow;
    const width = fixed ? size : round(size);
    const stem = s.chain(input, {
      conv_stem: conv2d(width, { kernel: 3, stride: 2, padding: style.padding }),
      bn1: normAct(style.norm, style.act),
    });
    const blocks = decodeStages(design.blocks, { depthMultiplier: c.depth_multiplier, groupSize: c.group_size });
    const seFromExpansion = design.seFromExp ?? c.se_from_exp;
    const plan = planBlocks(width, blocks, { outputStride: c.output_stride, round, seFromExpansion });
    const { x, stages } = trunk(s, stem, plan, style, c.feature_location);
    const pooled = head(c)(s, x);
    const logits = s.chain(pooled, { classifier: fullyConnected(c.num_classes) });
    return { forwardFeatures: [x], preLogits: [pooled], logits: [logits], stages, format: "NCHW" };
  },
});
