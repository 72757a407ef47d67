/** RDNet: Kim et al. 2024 (DenseNets Reloaded, arXiv:2403.19588), dense connections between blocks of ConvNeXt. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { noting } from "../layers/block-stages.ts";
import { effectiveSqueezeExcite } from "../layers/channel-attention.ts";
import { callHead, classifierHead, normMlpHead } from "../layers/classifier-head.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { layerScale2d } from "../layers/layer-scale.ts";
import { norm } from "../layers/norm.ts";
import { makeDivisible } from "../layers/rounding.ts";
import type { Module } from "../scope.ts";
import { type RdNetConfig, args } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

const normOf = (c: RdNetConfig): Module => norm(c.norm_layer, c.norm_eps);
const eights = (n: number): number => Math.trunc(n / 8) * 8;

/** Fig. 3: what a block adds to the channels that it sees. */
const denseBlock =
  (c: RdNetConfig, i: number): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const layers: Module = (t, y) =>
      t.sequence(y, [
        depthwise({ kernel: 7, bias: true }),
        normOf(c),
        conv2d(eights(channels * c.bottleneck_width_ratio), { bias: true }),
        act(c.act_layer),
        conv2d(c.growth_rates[i] ?? 0, { bias: true }),
        c.block_type[i] === "BlockESE" ? effectiveSqueezeExcite : undefined,
      ]);
    const y = s.call("layers", (t, z) => t.call("layers", layers, z), x);
    return c.ls_init_value > 0 ? layerScale2d(s, y) : y;
  };

const denseBlocks =
  (c: RdNetConfig, i: number): Module =>
  (s, x) => {
    let all = x;
    for (let j = 0; j < (c.num_blocks_list[i] ?? 0); j++)
      all = s.concat([all, s.call(`dense_block${j}`, denseBlock(c, i), all)], { axis: 1 });
    return all;
  };

/** A norm and a convolution to fewer channels, then dense blocks; the first stage is these alone. */
const denseStage =
  (c: RdNetConfig, i: number): Module =>
  (s, x) => {
    if (i === 0) return s.sequence(x, [denseBlocks(c, i)]);
    const channels = s.channels(x);
    const kernel = c.is_downsample_block[i] === true ? 2 : 1;
    const width = eights(channels * c.transition_compression_ratio);
    const conv = conv2d(width, { kernel, stride: kernel, padding: 0, bias: true });
    return s.sequence(x, [normOf(c), conv, denseBlocks(c, i)]);
  };

function stem(c: RdNetConfig): readonly Module[] {
  const out = c.num_init_features;
  const bias = c.conv_bias;
  if (c.stem_type === "patch")
    return [conv2d(out, { kernel: c.patch_size, stride: c.patch_size, padding: 0, bias }), normOf(c)];
  const half = { kernel: 3, stride: 2, padding: 1, bias };
  const mid = c.stem_type === "overlap" ? out : makeDivisible(Math.floor(out / 2));
  return [conv2d(mid, half), conv2d(out, half), normOf(c)];
}

export default defineFamily({
  name: "rdnet",
  paper: "https://arxiv.org/abs/2403.19588",
  args,
  variants,
  refuse: (c) => {
    const n = c.growth_rates.length;
    if (n === 0 || c.num_blocks_list.length !== n || c.is_downsample_block.length !== n || c.block_type.length < n)
      return "growth_rates, num_blocks_list, is_downsample_block and block_type need one value for each dense stage";
    if (c.head_norm_first) return refuseUnpooled(c);
    if (c.global_pool.endsWith("catavgmax"))
      return `global_pool=${c.global_pool}: the norm behind the pool has no room for two pools`;
    return undefined;
  },
  // timm has no coarse groups here: its groups are stages already.
  groups: () => [stemGroup(/stem/), blockGroup(/dense_stages\.(\d+)/)],
  remap: () => remap,
  build: (s, input, c) => {
    const first = s.call("stem", (t, y) => t.sequence(y, stem(c)), input);
    const outputs: Value[] = [];
    const modules = c.growth_rates.map((_, i) => denseStage(c, i));
    const trunk = s.call("dense_stages", noting(modules, outputs), first);
    const final = c.head_norm_first ? { path: "norm_pre", module: normOf(c) } : undefined;
    let reduction = c.stem_type === "patch" ? c.patch_size : 4;
    const stages: Stage[] = [];
    outputs.forEach((value, i) => {
      if (i > 0 && c.is_downsample_block[i] === true) reduction *= 2;
      const last = i === outputs.length - 1;
      if (!last && c.is_downsample_block[i + 1] !== true) return;
      const intermediate = normedAtEnd(s, value, last ? final : undefined);
      stages.push({ module: `dense_stages.${i}`, value, reduction, format: "NCHW", intermediate });
    });
    const x = s.chain(trunk, { norm_pre: final?.module });
    const pool = { classes: c.num_classes, pool: c.global_pool };
    const head = callHead(s, "head", final ? classifierHead(pool) : normMlpHead({ ...pool, norm: normOf(c) }), x);
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
