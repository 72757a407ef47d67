/**
 * EfficientNet and the networks of its builder: Tan and Le 2019 (arXiv:1905.11946) and 2021 (2104.00298), MnasNet, MobileNet
 * V1 and V2, MixNet, FBNet-C, Single-Path NAS, TinyNet; each design names its paper.
 */
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { poolAndClassify } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { normAct } from "../layers/norm-act.ts";
import { decodeStages } from "./block-string.ts";
import { type EfficientNetConfig, args, generatorArgs, headWidth, normOf } from "./config.ts";
import { planBlocks } from "./plan.ts";
import { namedSeLayer, squeezeExcite } from "./se-layer.ts";
import { paddingOf, refuseTrunk, roundChannels } from "./trunk-args.ts";
import { trunk } from "./trunk.ts";
import { variants } from "./variants.ts";

const blocksOf = (c: EfficientNetConfig) =>
  decodeStages(c.design.blocks, {
    depthMultiplier: c.depth_multiplier,
    depthTrunc: c.design.depthTrunc ?? "ceil",
    expertsMultiplier: c.experts_multiplier,
    fixFirstLast: c.design.fixEnds === true || c.fix_stem_head,
    groupSize: c.group_size,
  });

/** A pruned network has the shapes of its file, whatever the arguments say; what does not fit them fails in timm. */
function refusePruned(c: EfficientNetConfig, given: ReadonlySet<string>): string | undefined {
  const shaping = ["norm_layer", "se_layer", "group_size", "channel_divisor"].find((name) => given.has(name));
  if (shaping !== undefined) return `${shaping}: the layers of a pruned network are fixed`;
  if (c.in_chans !== 3) return `in_chans=${c.in_chans}: a pruned network takes 3 channels`;
  if (c.global_pool.endsWith("catavgmax"))
    return `global_pool=${c.global_pool}: a pruned network has a classifier of fixed width`;
  if (c.aa_layer?.startsWith("blur") === true)
    return `aa_layer=${c.aa_layer}: timm's blur is for the widths before pruning`;
  return c.feature_location === "expansion"
    ? "feature_location=expansion: timm's pruned networks return no such features"
    : undefined;
}

export default defineFamily({
  name: "efficientnet",
  paper: "https://arxiv.org/abs/1905.11946",
  args,
  variants,
  refuse: (c, given) => {
    if (c.norm_layer !== undefined && (c.bn_eps !== undefined || given.has("bn_momentum")))
      return "timm takes bn_eps and bn_momentum only without norm_layer";
    const reason = refuseTrunk(c, given, c.design.takes, generatorArgs);
    return reason ?? (c.widths === undefined ? undefined : refusePruned(c, given));
  },
  groups: (coarse) => [
    stemGroup(/conv_stem|bn1/),
    blockGroup(coarse ? /blocks\.(\d+)/ : /blocks\.(\d+)\.(\d+)/),
    blockGroup(/conv_head|bn2/, "last"),
  ],
  build: (s, input, c) => {
    if (c.widths) s.prune(c.widths);
    const { design } = c;
    const round = roundChannels(c.channel_multiplier, c.channel_divisor, design.roundLimit);
    const style = {
      padding: paddingOf(c),
      norm: normOf(c),
      act: c.act_layer ?? design.act,
      aa: c.aa_layer,
      se: c.se_layer === undefined ? squeezeExcite() : namedSeLayer(c.se_layer),
      layerScale: false,
    };
    const { padding } = style;
    const normalise = normAct(style.norm, style.act);
    const fixed = c.fix_stem || design.fixStem === true || c.fix_stem_head;
    const width = fixed ? design.stem : round(design.stem);
    const kernel = design.stemKernel ?? c.stem_kernel_size;
    const stem = s.chain(input, { conv_stem: conv2d(width, { kernel, stride: 2, padding }), bn1: normalise });

    const rules = { outputStride: c.output_stride, round, seFromExpansion: false };
    const { x, stages } = trunk(s, stem, planBlocks(width, blocksOf(c), rules), style, c.feature_location);
    const last = headWidth(c, round);
    const features = s.chain(x, {
      conv_head: last > 0 ? conv2d(last, { padding }) : undefined,
      bn2: last > 0 ? normalise : undefined,
    });
    const head = poolAndClassify(s, features, c.global_pool, c.num_classes, "classifier");
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
