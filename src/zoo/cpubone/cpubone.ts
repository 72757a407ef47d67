/** CPUBone: Nottebaum et al. 2026 (CVPR Findings), grouped and fused bottlenecks for devices with few cores. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act, actLayer } from "../layers/act.ts";
import { halvingStages } from "../layers/block-stages.ts";
import { type HeadModule, callHead, flatten } from "../layers/classifier-head.ts";
import { linear } from "../layers/linear.ts";
import { layerNorm } from "../layers/norm.ts";
import { globalPool2d } from "../layers/pool.ts";
import { type ConfigOf, bool, dropRates, dropout, int, ints, oneOf, optional } from "../schema.ts";
import type { Module } from "../scope.ts";
import { type Style, bottleneck, contextModule, fusedBottleneck, residualBlock, unit } from "./blocks.ts";
import { remap } from "./remap.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  proj_drop_rate: dropout("dropout; no effect at inference"),
  global_pool: oneOf(["avg", ""], "avg", 'pooling before the classifier; "" classifies every position'),
  width_list: ints([16, 32, 64, 128, 256], "channels of the stem and of each stage", { min: 2, length: 5 }),
  depth_list: ints([0, 1, 1, 3, 4], "blocks of the stem and of each stage", { min: 0, length: 5 }),
  head_widths: ints([1536, 1600], "widths of the head's convolution and of its hidden layer", { min: 1, length: 2 }),
  expand_ratio: int(4, "width inside a bottleneck over its input", { min: 1 }),
  stem_expand_ratio: int(2, "the same in the stem", { min: 1 }),
  downsample_expand_ratios: optional(ints([], "the same in the first bottleneck of each stage", { min: 1, length: 4 })),
  attn_mlp_ratio: int(2, "width inside the MLP after attention over its input", { min: 1 }),
  expand_groups: int(1, "groups of the first convolution of a bottleneck", { min: 1 }),
  fused_conv: bool(false, "one convolution instead of pointwise and depthwise ones"),
  fused_downsample: bool(false, "the same in the first bottleneck of the stages with attention"),
  small_kernels: bool(false, "kernels of 2 in blocks with attention"),
  attn_upsample: oneOf(["nearest"], "nearest", "how the result of attention is spread"),
  local_mbconv_norm: oneOf(["proj", "depth_proj", "all"], "proj", "convolutions of a block's bottleneck with a norm"),
  act_layer: actLayer("hard_swish"),
  norm_layer: oneOf(["batchnorm2d", "batchnorm"], "batchnorm2d", "the normalisation"),
};

type Config = ConfigOf<typeof args>;

const styleOf = (c: Config): Style => ({ act: c.act_layer, groups: c.expand_groups, small: c.small_kernels });

/** A bottleneck of the stem, of the first stages, or with the stride of a stage. */
const localBlock = (c: Config, out: number, ratio: number, stride: number, fused: boolean): Module =>
  fused
    ? fusedBottleneck(styleOf(c), { out, ratio, stride }, false)
    : bottleneck(styleOf(c), { out, ratio, stride }, { norms: [false, false], biased: false });

const widestFused = 256;

/** A block with attention: context, then a bottleneck. */
const attentionBlock =
  (c: Config, stage: number): Module =>
  (s, x) => {
    const out = s.channels(x);
    const style = styleOf(c);
    const options = { out, ratio: c.expand_ratio, kernel: c.small_kernels ? 2 : 3 };
    const norms: readonly [boolean, boolean] = [c.local_mbconv_norm === "all", c.local_mbconv_norm !== "proj"];
    const local =
      c.fused_conv && out < widestFused
        ? fusedBottleneck(style, options, true)
        : bottleneck(style, options, { norms, biased: true });
    const context = contextModule(style, {
      stride: stage === 2 ? 2 : 1,
      fused: c.fused_conv,
      mlpRatio: c.attn_mlp_ratio,
    });
    return s.call("total", (t, y) => t.sequence(y, [context, residualBlock(local)]), x);
  };

const onlyMain =
  (main: Module): Module =>
  (s, x) =>
    s.call("main", main, x);

function blocksOf(c: Config, i: number): Module[] {
  const [out = 0, depth = 0] = [c.width_list[i + 1], c.depth_list[i + 1]];
  const ratio = c.downsample_expand_ratios?.[i] ?? c.expand_ratio;
  if (i >= 2) {
    const down = onlyMain(localBlock(c, out, ratio, 2, c.fused_downsample));
    return [down, ...Array<Module>(depth).fill(attentionBlock(c, i))];
  }
  return Array.from({ length: depth }, (_, j) =>
    j === 0
      ? onlyMain(localBlock(c, out, ratio, 2, c.fused_conv))
      : residualBlock(localBlock(c, out, c.expand_ratio, 1, c.fused_conv)),
  );
}

const stem =
  (c: Config): Module =>
  (s, x) => {
    const width = c.width_list[0] ?? 0;
    const block = residualBlock(localBlock(c, width, c.stem_expand_ratio, 1, c.fused_conv));
    const blocks = Array<Module>(c.depth_list[0] ?? 0).fill(block);
    return s.sequence(x, [unit(width, { kernel: 3, stride: 2, act: c.act_layer }), ...blocks]);
  };

/** Convolution, pool, hidden layer with norm and activation, classifier; without a pool for every position. */
const head =
  (c: Config): HeadModule =>
  (s, x) => {
    const [wide = 1, hidden = 1] = c.head_widths;
    const pooled = s.chain(x, {
      in_conv: unit(wide, { act: c.act_layer }),
      global_pool: globalPool2d(c.global_pool, true),
      flatten: c.global_pool === "" ? undefined : flatten,
    });
    const asMap = (y: Value): Value => (c.global_pool === "" ? s.transpose(y, { perm: [0, 3, 1, 2] }) : y);
    const rows = c.global_pool === "" ? s.transpose(pooled, { perm: [0, 2, 3, 1] }) : pooled;
    const inner: Module = (t, y) =>
      t.chain(y, { linear: linear(hidden, { bias: false }), norm: layerNorm(1e-5), act: act(c.act_layer) });
    const preLogits = s.call("pre_classifier", inner, rows);
    const classes = c.num_classes;
    const classifier: Module = (t, y) => t.chain(y, { linear: linear(classes) });
    const logits = s.chain(preLogits, { classifier: classes > 0 ? classifier : undefined });
    return { preLogits: asMap(preLogits), logits: asMap(logits) };
  };

type Row = Partial<Config>;

const row = (width: number, depths: readonly number[], rest: Row = {}): Row => ({
  width_list: [1, 2, 4, 8, 16].map((n) => n * width),
  depth_list: depths,
  fused_conv: true,
  fused_downsample: true,
  attn_mlp_ratio: 4,
  expand_groups: 2,
  small_kernels: true,
  ...rest,
});

const wider: Row = { downsample_expand_ratios: [6, 6, 6, 6] };
const wideHead: Row = { ...wider, head_widths: [2304, 2560] };

export default defineFamily({
  name: "cpubone",
  paper: "https://github.com/altair199797/CPUBone",
  args,
  variants: {
    cpubone_nano: row(12, [0, 1, 1, 1, 2]),
    cpubone_t0: row(12, [0, 1, 1, 2, 3]),
    cpubone_s0: row(14, [0, 1, 1, 2, 3]),
    cpubone_b0_bfrobust: row(16, [0, 1, 1, 3, 4], { local_mbconv_norm: "all" }),
    cpubone_b1_bfrobust: row(16, [0, 1, 1, 5, 5], { ...wider, local_mbconv_norm: "all" }),
    cpubone_b1_dwnorm: row(16, [0, 1, 1, 5, 5], { ...wider, local_mbconv_norm: "depth_proj" }),
    cpubone_b2_bfrobust: row(20, [0, 1, 1, 6, 6], { ...wideHead, local_mbconv_norm: "all" }),
    cpubone_b2pt5_dwnorm: row(24, [0, 1, 1, 6, 6], { ...wideHead, local_mbconv_norm: "depth_proj" }),
    cpubone_b3: row(32, [1, 2, 3, 6, 6], { ...wider, stem_expand_ratio: 4 }),
  },
  groups: () => [stemGroup(/stem/), blockGroup(/stages\.(\d+)/)],
  remap: (c) => remap(c.local_mbconv_norm === "all"),
  build: (s, input, c) => {
    const stages: Stage[] = [];
    const trunk = halvingStages(
      c.width_list.slice(1).map((_, i) => (u, z) => u.sequence(z, blocksOf(c, i))),
      stages,
    );
    const features = s.chain(input, { stem: stem(c), stages: trunk });
    const { preLogits, logits } = callHead(s, "head", head(c), features);
    return { forwardFeatures: [features], preLogits: [preLogits], logits: [logits], stages, format: "NCHW" };
  },
});
