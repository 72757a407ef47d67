/** NesT: Zhang et al. 2021, "Nested hierarchical transformer" (arXiv:2105.12723). */
import { floorDivDim, mulDim, sameDim, scaleDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { fixed, fixedArg, refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { mixByHead } from "../layers/attention.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { channelsLast, layerNorm } from "../layers/norm.ts";
import { patchEmbed } from "../layers/patch-embed.ts";
import { maxPool } from "../layers/pool.ts";
import { split } from "../layers/split.ts";
import { mapSize, windowPartition, windowReverse } from "../layers/window.ts";
import {
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  dropout,
  inert,
  int,
  ints,
  number,
  oneOf,
  pair,
} from "../schema.ts";
import type { Module } from "../scope.ts";
import { remap } from "./remap.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input, which must be equal"),
  patch_size: int(4, "pixels of a patch", { min: 1 }),
  num_levels: int(3, "levels of the hierarchy", { min: 1, max: 8 }),
  embed_dims: ints([128, 256, 512], "width of each level", { min: 1 }),
  num_heads: ints([4, 8, 16], "attention heads of each level", { min: 1 }),
  depths: ints([2, 2, 20], "blocks of each level", { min: 0 }),
  mlp_ratio: number(4, "width inside an MLP per width of a token", { min: 0 }),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  pad_type: oneOf(["", "same"], "", "padding of the convolutions and pools between levels"),
  global_pool: globalPool(),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  act_layer: classOnly<undefined>(undefined, "the activation"),
  weight_init: inert("initialisation; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  fixed: fixedArg,
};

type NestConfig = ConfigOf<typeof args>;
type Row = Partial<NestConfig>;

const norm = layerNorm(1e-6);

/** Rows and columns of blocks in the first level; every further level halves them. */
const firstBlocks = (c: NestConfig): number => 2 ** (c.num_levels - 1);
const blockSize = (c: NestConfig): number => Math.floor(c.img_size[0] / c.patch_size / firstBlocks(c));

/** Section 3.1, block aggregation: a convolution, a norm and a max pool over the borders of the blocks. */
const aggregate =
  (c: NestConfig, width: number): Module =>
  (s, x) => {
    if (mapSize(s.transpose(x, { perm: [0, 2, 3, 1] })).some((d) => !sameDim(scaleDim(floorDivDim(d, 2), 2), d)))
      throw new TimmcError("unsupported", "blocks are aggregated from maps of even sizes alone");
    const padding = c.pad_type === "same" ? ("same" as const) : undefined;
    return s.chain(x, {
      conv: conv2d(width, { kernel: 3, padding, bias: true }),
      norm: channelsLast(norm),
      pool: maxPool(3, { stride: 2, padding: padding ?? 1 }),
    });
  };

/** Self-attention of the tokens of a block; unlike elsewhere, the heads are the inner part of the joined channels. */
const attention =
  (heads: number, bias: boolean): Module =>
  (s, x) => {
    const [n = 1, length = 1, channels = 1] = x.type.shape;
    const width = s.static(channels, "the width of attention");
    const qkv = split(s, s.call("qkv", linear(3 * width, { bias }), x), [width, width, width]);
    const mixed = mixByHead(s, qkv, { heads });
    const joined = s.reshape(s.transpose(mixed, { perm: [0, 2, 3, 1] }), { shape: [n, length, width] });
    return s.call("proj", linear(width), joined);
  };

const transformer =
  (c: NestConfig, i: number): Module =>
  (s, x) => {
    const width = c.embed_dims[i] ?? 1;
    const y = s.add(x, s.chain(x, { norm1: norm, attn: attention(c.num_heads[i] ?? 1, c.qkv_bias) }));
    return s.add(y, s.chain(y, { norm2: norm, mlp: mlp(Math.trunc(width * c.mlp_ratio) || width) }));
  };

/** Transformers that see one block each (eq. 1), with positions by block and place. */
const level =
  (c: NestConfig, i: number): Module =>
  (s, x) => {
    const width = c.embed_dims[i] ?? 1;
    const map = s.transpose(s.chain(x, { pool: i > 0 ? aggregate(c, width) : undefined }), { perm: [0, 2, 3, 1] });
    const [n = 1] = map.type.shape;
    const side = blockSize(c);
    const count = (firstBlocks(c) / 2 ** i) ** 2;
    const blocks = s.reshape(windowPartition(s, map, [side, side]), { shape: [n, count, side * side, width] });
    const placed = s.add(blocks, s.param("pos_embed", [1, count, side * side, width]));
    const block = transformer(c, i);
    const encoder: Module = (t, y) =>
      t.sequence(
        y,
        Array.from({ length: c.depths[i] ?? 0 }, () => block),
      );
    const tokens = s.reshape(placed, { shape: [mulDim(n, count), side * side, width] });
    const encoded = s.call("transformer_encoder", encoder, tokens);
    return s.transpose(windowReverse(s, encoded, [side, side], map), { perm: [0, 3, 1, 2] });
  };

function refuse(c: NestConfig): string | undefined {
  for (const [name, list] of Object.entries({ embed_dims: c.embed_dims, num_heads: c.num_heads, depths: c.depths }))
    if (list.length !== c.num_levels) return `${name} has ${list.length} entries for ${c.num_levels} levels`;
  if (c.img_size[0] !== c.img_size[1]) return "the model only handles square inputs";
  if (c.img_size[0] % c.patch_size !== 0) return `patch_size=${c.patch_size} must divide img_size=${c.img_size[0]}`;
  if ((c.img_size[0] / c.patch_size) % firstBlocks(c) !== 0) return "the blocks of the first level do not fit evenly";
  const at = c.embed_dims.findIndex((width, i) => width % (c.num_heads[i] ?? 1) !== 0);
  if (at >= 0) return `embed_dims: ${c.embed_dims[at]} must be divisible by num_heads=${c.num_heads[at]}`;
  return refuseUnpooled(c);
}

const base: Row = fixed({ embed_dims: [128, 256, 512], num_heads: [4, 8, 16], depths: [2, 2, 20] });
const small: Row = fixed({ embed_dims: [96, 192, 384], num_heads: [3, 6, 12], depths: [2, 2, 20] });
const tiny: Row = fixed({ embed_dims: [96, 192, 384], num_heads: [3, 6, 12], depths: [2, 2, 8] });
/** Weights of the authors' JAX code. */
const jax: Row = { pad_type: "same" };

export default defineFamily({
  name: "nest",
  paper: "https://arxiv.org/abs/2105.12723",
  args,
  variants: {
    nest_base: base,
    nest_small: small,
    nest_tiny: tiny,
    nest_base_jx: { ...base, ...jax },
    nest_small_jx: { ...small, ...jax },
    nest_tiny_jx: { ...tiny, ...jax },
  },
  refuse: (c, given) => refuseFixed(c, given) ?? refuse(c),
  fixedSize: () => "pos_embed of every level is added as it is: a row for every token of every block of img_size",
  groups: (coarse) => [
    stemGroup(/patch_embed/),
    blockGroup(coarse ? /levels\.(\d+)/ : /levels\.(\d+)\.transformer_encoder\.(\d+)/),
    blockGroup(/levels\.(\d+)\.(?:pool|pos_embed)/, "first"),
    blockGroup(/norm/, "last"),
  ],
  remap: () => remap,
  build: (s, image, c) => {
    const patch = [c.patch_size, c.patch_size] as const;
    const embed = patchEmbed({ patch, width: c.embed_dims[0] ?? 1, format: "NCHW", size: c.img_size });
    const stages: Stage[] = [];
    const final = { path: "norm", module: channelsLast(norm) };
    const levels: Module = (t, embedded) =>
      c.depths.reduce((x, _, i) => {
        const value = t.call(i, level(c, i), x);
        const intermediate = normedAtEnd(s, value, i === c.num_levels - 1 ? final : undefined);
        stages.push({ module: `levels.${i}`, value, reduction: 4 * 2 ** i, format: "NCHW", intermediate });
        return value;
      }, embedded);
    const features: Value = s.chain(image, { patch_embed: embed, levels, norm: final.module });
    const head = poolAndClassify(s, features, c.global_pool, c.num_classes, "head");
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
