import type { Value } from "../../ir/value.ts";
import { decodeStages } from "../efficientnet/block-string.ts";
import { planBlocks } from "../efficientnet/plan.ts";
import { paddingOf, refuseTrunk, roundChannels } from "../efficientnet/trunk-args.ts";
import { trunk } from "../efficientnet/trunk.ts";
import type { Model } from "../family.ts";
import { type GroupRule, blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { flatten } from "../layers/classifier-head.ts";
import { conv2d } from "../layers/conv.ts";
import { normAct } from "../layers/norm-act.ts";
import { globalPool2d } from "../layers/pool.ts";
import type { Module, Scope } from "../scope.ts";
import { type MobileNetV3Config, generatorArgs } from "./config.ts";

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

/** What timm refuses, or undefined. */
export function refuse(c: MobileNetV3Config, given: ReadonlySet<string>): string | undefined {
  if (given.has("output_stride") && !c.features_only)
    return "timm takes output_stride here only for feature networks: it needs features_only=true";
  return refuseTrunk(c, given, c.design.takes, generatorArgs);
}

export const groups = (coarse: boolean): readonly GroupRule[] => [
  stemGroup(/conv_stem|bn1/),
  blockGroup(coarse ? /blocks\.(\d+)/ : /blocks\.(\d+)\.(\d+)/),
];

/** A network of timm's MobileNetV3 class, whatever its design. */
export function buildMobileNetV3(s: Scope, input: Value, c: MobileNetV3Config): Model {
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
}
