/** EfficientFormer: Li et al. 2022 (arXiv:2206.01191), pooling as the token mixer, attention in the last blocks. */
import { printDim, sameDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { splitByHead } from "../layers/head-major.ts";
import { mergeHeads } from "../layers/heads.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { layerScale, layerScale2d } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { batchNorm, layerNorm } from "../layers/norm.ts";
import { offsetBias } from "../layers/offset-bias.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { avgPool } from "../layers/pool.ts";
import { meanOfHeads } from "../layers/two-heads.ts";
import {
  type ConfigOf,
  bools,
  classOnly,
  dropRates,
  dropout,
  ignored,
  inert,
  int,
  ints,
  number,
  optional,
} from "../schema.ts";
import type { Module } from "../scope.ts";
import { remap } from "./remap.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  proj_drop_rate: dropout("dropout; no effect at inference"),
  /** timm asks for "avg" alone, and takes every other text for no pooling. */
  global_pool: globalPool(),
  depths: ints([3, 2, 6, 4], "blocks of each stage", { min: 1 }),
  embed_dims: ints([48, 96, 224, 448], "channels of each stage", { min: 2 }),
  downsamples: optional(bools([], "stages that begin with a reduction; all but the first without it")),
  num_vit: int(1, "how many of the last blocks attend", { min: 1 }),
  mlp_ratios: number(4, "width inside an MLP over that of its stage", { min: 0 }),
  pool_size: int(3, "extent of the pools", { min: 1 }),
  layer_scale_init_value: inert("initialisation; no effect at inference"),
  act_layer: classOnly(undefined, "the activation"),
  norm_layer: classOnly(undefined, "the norm of maps"),
  norm_layer_cl: classOnly(undefined, "the norm of tokens"),
  img_size: ignored("height and width of the input"),
  output_stride: ignored("the stride of the last stage"),
  depth: ignored("the number of blocks"),
  norm_eps: ignored("eps of the norms"),
  distillation: ignored("whether there is a second head, which there always is"),
};

type Config = ConfigOf<typeof args>;

const heads = 8;
const keyDim = 32;
const valueDim = 4 * keyDim;
/** Height and width of the last map, for which the biases are. */
const side = 7;
const positions = side * side;

const norm = layerNorm(1e-5);

const attention: Module = (s, x) => {
  const width = s.features(x);
  const packed = s.call("qkv", linear(heads * (2 * keyDim + valueDim)), x);
  const [q, k, v] = splitByHead(s, packed, heads, [keyDim, keyDim, valueDim]);
  const bias = offsetBias(s, s.param("attention_biases", [heads, positions]), [side, side]);
  // The checkpoint holds the indices, which are the same for every network.
  s.param("attention_bias_idxs", [positions, positions], { dtype: "i64", kind: "buffer" });
  const mixed = s.attention(q, k, v, bias, { scale: keyDim ** -0.5 });
  return s.call("proj", linear(width), mergeHeads(s, mixed));
};

/** Blocks of tokens (fig. 3, MB 3D). */
const tokenBlock =
  (c: Config): Module =>
  (s, x) => {
    const width = s.features(x);
    const hidden = Math.trunc(width * c.mlp_ratios) || width;
    const y = s.add(x, s.chain(x, { norm1: norm, token_mixer: attention, ls1: layerScale }));
    return s.add(y, s.chain(y, { norm2: norm, mlp: mlp(hidden), ls2: layerScale }));
  };

const pooling =
  (size: number): Module =>
  (s, x) => {
    const pool = avgPool(size, { stride: 1, padding: Math.floor(size / 2), countPad: false });
    return s.sub(s.call("pool", pool, x), x);
  };

const convMlp =
  (ratio: number): Module =>
  (s, x) => {
    const channels = s.channels(x);
    return s.chain(x, {
      fc1: conv2d(Math.trunc(channels * ratio) || channels, { bias: true }),
      norm1: batchNorm(),
      act: act("gelu"),
      fc2: conv2d(channels, { bias: true }),
      norm2: batchNorm(),
    });
  };

/** Blocks of maps (fig. 3, MB 4D). */
const mapBlock =
  (c: Config): Module =>
  (s, x) => {
    const y = s.add(x, s.chain(x, { token_mixer: pooling(c.pool_size), ls1: layerScale2d }));
    return s.add(y, s.chain(y, { mlp: convMlp(c.mlp_ratios), ls2: layerScale2d }));
  };

/** A map as tokens: a block of its own in timm's list. */
const flat: Module = (s, x) => {
  const [h = 0, w = 0] = x.type.shape.slice(2);
  if (!sameDim(h, side) || !sameDim(w, side))
    throw new TimmcError(
      "unsupported",
      `attention is made for maps of ${side}x${side}, not ${printDim(h)}x${printDim(w)}`,
      {
        hint: "choose an --input-size of 224",
      },
    );
  return toTokens(s, x);
};

function blocksOf(c: Config, stage: number): Module[] {
  const depth = c.depths[stage] ?? 0;
  const attending = stage === c.depths.length - 1 ? Math.min(c.num_vit, depth) : 0;
  const maps = Array<Module>(depth - attending).fill(mapBlock(c));
  return attending === 0 ? maps : [...maps, flat, ...Array<Module>(attending).fill(tokenBlock(c))];
}

const strided = (out: number): Module => conv2d(out, { kernel: 3, stride: 2, bias: true });

/** Whether stage i begins with a reduction: timm takes an empty list for none given. */
const reduces = ({ downsamples }: Config, i: number): boolean =>
  downsamples === undefined || downsamples.length === 0 ? i > 0 : downsamples[i] === true;

const stage =
  (c: Config, i: number): Module =>
  (s, x) => {
    const down: Module = (t, y) => t.chain(y, { conv: strided(c.embed_dims[i] ?? 0), norm: batchNorm() });
    return s.chain(x, {
      downsample: reduces(c, i) ? down : undefined,
      blocks: (t, y) => t.sequence(y, blocksOf(c, i)),
    });
  };

const stem =
  (width: number): Module =>
  (s, x) =>
    s.chain(x, {
      conv1: strided(Math.floor(width / 2)),
      norm1: batchNorm(),
      act1: act("relu"),
      conv2: strided(width),
      norm2: batchNorm(),
      act2: act("relu"),
    });

export default defineFamily({
  name: "efficientformer",
  paper: "https://arxiv.org/abs/2206.01191",
  args,
  variants: {
    efficientformer_l1: { embed_dims: [48, 96, 224, 448], depths: [3, 2, 6, 4], num_vit: 1 },
    efficientformer_l3: { embed_dims: [64, 128, 320, 512], depths: [4, 4, 12, 6], num_vit: 4 },
    efficientformer_l7: { embed_dims: [96, 192, 384, 768], depths: [6, 6, 18, 8], num_vit: 8 },
  },
  refuse: (c) => {
    const stages = c.depths.length;
    if (c.embed_dims.length < stages) return `embed_dims has ${c.embed_dims.length} entries for ${stages} stages`;
    const given = c.downsamples?.length ?? 0;
    if (given > 0 && given < stages) return `downsamples has ${given} entries for ${stages} stages`;
    const at = c.depths.findIndex((_, i) => i > 0 && !reduces(c, i) && c.embed_dims[i] !== c.embed_dims[i - 1]);
    return at > 0 ? `stage ${at} has other channels than the one before it, and no reduction` : undefined;
  },
  fixedSize: () => "attention_biases are picked for the positions of the design's map",
  groups: () => [stemGroup(/stem/), blockGroup(/stages\.(\d+)/), blockGroup(/norm/, "last")],
  remap: () => remap,
  build: (s, input, c) => {
    const last = c.depths.length - 1;
    const stages: Stage[] = [];
    const finalNorm = { path: "norm", module: norm };
    const trunk: Module = (t, y) =>
      c.depths.reduce<Value>((x, _, i) => {
        const result = t.call(i, stage(c, i), x);
        const asMap = (z: Value): Value => (i === last ? toMap(t, z, [side, side]) : z);
        const normed = normedAtEnd(s, result, i === last ? finalNorm : undefined);
        stages.push({
          module: `stages.${i}`,
          value: asMap(result),
          reduction: 2 ** (i + 2),
          format: "NCHW",
          intermediate: (wanted) => ({ ...normed(wanted), value: asMap(normed(wanted).value) }),
        });
        return result;
      }, y);
    const features = s.chain(input, { stem: stem(c.embed_dims[0] ?? 0), stages: trunk, norm });
    const pools = c.global_pool === "avg";
    if (!pools && c.global_pool !== "")
      s.notice(`global_pool=${c.global_pool} does not pool: timm classifies every token`);
    const pooled = pools ? s.reduce_mean(features, { axes: [1] }) : features;
    const logits = meanOfHeads(s, pooled, fullyConnected(c.num_classes));
    return { forwardFeatures: [features], preLogits: [pooled], logits: [logits], stages, format: "NLC" };
  },
});
