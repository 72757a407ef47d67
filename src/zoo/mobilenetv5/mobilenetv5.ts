/** MobileNetV5, the image encoder of Gemma 3n: V4's blocks (arXiv:2404.10518) with RMS norms and a fusion of scales. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Style } from "../efficientnet/blocks.ts";
import { decodeStages } from "../efficientnet/block-string.ts";
import { planBlocks } from "../efficientnet/plan.ts";
import { squeezeExcite } from "../efficientnet/se-layer.ts";
import { paddingOf, roundChannels, trunkArgs } from "../efficientnet/trunk-args.ts";
import { trunk } from "../efficientnet/trunk.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { fullyConnected, refuseUnpooled } from "../layers/classifier.ts";
import { flatten } from "../layers/classifier-head.ts";
import { conv2d } from "../layers/conv.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { normAct } from "../layers/norm-act.ts";
import { globalPool2d } from "../layers/pool.ts";
import {
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  ignored,
  inert,
  int,
  internal,
  lastOrList,
  pair,
} from "../schema.ts";
import type { Scope } from "../scope.ts";
import { base, large } from "./designs.ts";
import { fuse } from "./fusion.ts";
import { remap } from "./remap.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  stem_size: int(64, "width of the stem", { min: 1 }),
  stem_bias: bool(true, "a bias in the stem"),
  fix_stem: trunkArgs.fix_stem,
  num_features: int(2048, "width of the fused map", { min: 1 }),
  pad_type: trunkArgs.pad_type,
  act_layer: trunkArgs.act_layer,
  aa_layer: trunkArgs.aa_layer,
  channel_multiplier: trunkArgs.channel_multiplier,
  group_size: trunkArgs.group_size,
  use_msfa: bool(true, "fuses feature maps; without it the last one is pooled before a last convolution"),
  msfa_indices: lastOrList("the feature maps that are fused"),
  msfa_output_resolution: pair(16, "height and width of the fused map"),
  norm_layer: classOnly(undefined, "the normalisation"),
  layer_scale_init_value: inert("initialisation; no effect at inference"),
  se_layer: ignored("channel attention, which no block has"),
  se_from_exp: ignored("what ratios of channel attention are of"),
  design: internal<readonly (readonly string[])[]>(base),
  /** The network is an encoder without a head. */
  encoder: internal(false),
};

type Config = ConfigOf<typeof args>;

const norm = { kind: "rmsnorm2d" } as const;

const styleOf = (c: Config): Style => ({
  padding: paddingOf(c),
  norm,
  act: c.act_layer ?? "gelu_tanh",
  aa: c.aa_layer,
  se: squeezeExcite(),
  layerScale: true,
});

/** Indices of the maps that are fused, counted from the end where they are negative. */
function fusedIndices(c: Config, count: number): number[] {
  const asked = c.msfa_indices ?? [-2, -1];
  const list = typeof asked === "number" ? Array.from({ length: asked }, (_, i) => count - asked + i) : asked;
  return list.map((i) => (i < 0 ? count + i : i)).sort((a, b) => a - b);
}

function refuse(c: Config, given: ReadonlySet<string>): string | undefined {
  const count = c.design.length + 1;
  if (fusedIndices(c, count).some((i) => i < 0 || i >= count)) return `msfa_indices: there are ${count} feature maps`;
  if (c.encoder) return given.has("use_msfa") ? "the encoder always fuses: it takes no use_msfa" : undefined;
  if (c.global_pool.endsWith("catavgmax") && c.use_msfa && c.num_classes > 0)
    return `global_pool=${c.global_pool} doubles the channels, and the classifier takes those of the fused map`;
  return refuseUnpooled(c);
}

/** What the encoder has no use for, at the values that change nothing: timm drops these arguments. */
const headless = { num_classes: 0, num_features: 2048, global_pool: "avg" } as const;

/** Pool, and without fusion the convolution and norm that come after it. */
function head(s: Scope, x: Value, c: Config, style: Style): { readonly preLogits: Value; readonly logits: Value } {
  const preLogits = s.chain(x, {
    global_pool: globalPool2d(c.global_pool, true),
    conv_head: c.use_msfa ? undefined : conv2d(c.num_features, { padding: style.padding }),
    norm_head: c.use_msfa ? undefined : normAct(norm, style.act),
    flatten: c.global_pool === "" ? undefined : flatten,
  });
  return { preLogits, logits: s.chain(preLogits, { classifier: fullyConnected(c.num_classes) }) };
}

export default defineFamily({
  name: "mobilenetv5",
  paper: "https://arxiv.org/abs/2404.10518",
  args,
  variants: {
    mobilenetv5_300m_enc: { ...headless, design: large, encoder: true, pad_type: "same" },
    mobilenetv5_300m: { design: large },
    mobilenetv5_base: {},
  },
  refuse,
  groups: (coarse) => [stemGroup(/conv_stem|bn1/), blockGroup(coarse ? /blocks\.(\d+)/ : /blocks\.(\d+)\.(\d+)/)],
  remap: () => remap,
  build: (s, input, c) => {
    const style = styleOf(c);
    const round = roundChannels(c.channel_multiplier);
    const width = c.fix_stem || c.channel_multiplier < 1 ? c.stem_size : round(c.stem_size);
    const stem = s.call(
      "conv_stem",
      convNormAct(width, { kernel: 3, stride: 2, padding: style.padding, bias: c.stem_bias, norm, act: style.act }),
      input,
    );
    const blocks = decodeStages(c.design, { groupSize: c.group_size });
    const plan = planBlocks(width, blocks, { outputStride: 32, round, seFromExpansion: true });
    const { x, stages } = trunk(s, stem, plan, style, "bottleneck");
    const features = c.encoder || c.use_msfa ? fused(s, x, stages, c, style) : x;
    if (c.encoder) {
      for (const name of Object.keys(headless) as (keyof typeof headless)[])
        if (c[name] !== headless[name]) s.notice(`${name} has no effect: the encoder has no head`);
      return { forwardFeatures: [features], preLogits: [], logits: [features], stages, format: "NCHW" };
    }
    const { preLogits, logits } = head(s, features, c, style);
    return { forwardFeatures: [features], preLogits: [preLogits], logits: [logits], stages, format: "NCHW" };
  },
});

/** The module `msfa`, whose last map is the trunk's. */
function fused(s: Scope, last: Value, stages: readonly Stage[], c: Config, style: Style): Value {
  const maps = fusedIndices(c, stages.length).flatMap((i) => stages[i]?.value ?? []);
  const out = c.encoder ? headless.num_features : c.num_features;
  return s.call("msfa", (t) => fuse(t, maps, out, c.msfa_output_resolution, style), last);
}
