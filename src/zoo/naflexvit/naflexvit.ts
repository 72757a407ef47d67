/**
 * NaFlexViT for one size at a time: NaViT, Dehghani et al. 2023 (arXiv:2307.06304), FlexiViT (2212.08013), SigLIP 2 (2502.14786).
 * timm also takes batches of patches with their coordinates, as a dictionary; a graph here takes an image.
 */
import { type Dim, mulDim, sameDim, scaleDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { attentionPoolLatent } from "../layers/attention-pool.ts";
import { blockStages, noting } from "../layers/block-stages.ts";
import { fullyConnected } from "../layers/classifier.ts";
import type { Pair } from "../layers/conv.ts";
import { linear } from "../layers/linear.ts";
import { globalPoolOver } from "../layers/pool.ts";
import { embedTokens, prefixLength, prefixTokens } from "../layers/token-embedding.ts";
import { type Size } from "../layers/window.ts";
import { tokenNorm } from "../layers/token-norm.ts";
import { dropTokens, tokenAt } from "../layers/tokens.ts";
import { needSize, patchGrid } from "../layers/patch-embed.ts";
import {
  type Arg,
  type ConfigOf,
  bool,
  classOnly,
  ignored,
  inert,
  number,
  oneOf,
  optional,
  int,
  pair,
  defaultsOf,
} from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import { blocks } from "../vision-transformer/blocks.ts";
import { type VitConfig, args as vitArgs } from "../vision-transformer/config.ts";
import { remap } from "./remap.ts";

const { num_classes, in_chans, patch_size, embed_dim, depth, num_heads, mlp_ratio, qkv_bias, qk_norm } = vitArgs;
const { proj_bias, init_values, class_token, reg_tokens, pre_norm, final_norm, pool_include_prefix } = vitArgs;
const { drop_rate, drop_path_rate, pos_drop_rate, patch_drop_rate, proj_drop_rate, attn_drop_rate } = vitArgs;
const { act_layer, norm_layer, weight_init, fix_init } = vitArgs;

/** A key of the dictionary that timm's forward takes in place of an image. */
const dictionaryInput = (doc: string): Arg<undefined> => ({
  ...classOnly(undefined, doc),
  type: "one image as its input, no dictionary of patches",
});

const args = {
  num_classes,
  in_chans,
  patch_size,
  embed_dim,
  depth,
  num_heads,
  mlp_ratio,
  qkv_bias,
  qk_norm,
  proj_bias,
  init_values,
  reg_tokens,
  pre_norm,
  final_norm,
  pool_include_prefix,
  act_layer,
  norm_layer,
  weight_init,
  fix_init,
  drop_rate,
  drop_path_rate,
  pos_drop_rate,
  patch_drop_rate,
  proj_drop_rate,
  attn_drop_rate,
  class_token: { ...class_token, default: false },
  global_pool: oneOf(["", "avg", "avgmax", "max", "token", "map"], "map", 'pooling of the tokens; "map" attends'),
  fc_norm: optional(bool(true, "a norm after pooling instead of before; timm: for avg, as well as before")),
  pos_embed: oneOf(
    ["learned", "factorized", "", "none"],
    "learned",
    "positions of a grid, of rows and columns, or none",
  ),
  pos_embed_grid_size: pair(16, "rows and columns that positions are learned for"),
  pos_embed_ar_preserving: bool(false, "positions are interpolated to a square, and cut"),
  attn_pool_num_heads: optional(int(12, "attention heads of the pooling", { min: 0 })),
  attn_pool_mlp_ratio: optional(number(4, "width inside the MLP of the pooling", { min: 0 })),
  img_size: ignored("the size of the input: positions follow it"),
  output_stride: ignored("the stride of the network"),
  use_key_only_attn_mask: inert("the shape of the mask over missing patches; an image has none"),
  pos_embed_use_grid_sample: inert("the way to positions of a batch of patches; those of an image are interpolated"),
  enable_patch_interpolator: inert("resizes the weights to the patches of a batch; those of an image have patch_size"),
  patches: dictionaryInput("the patches of images of several sizes"),
  patch_coord: dictionaryInput("the rows and columns of patches"),
  patch_valid: dictionaryInput("which patches are none"),
};

type NaFlexConfig = ConfigOf<typeof args>;
type Row = Partial<NaFlexConfig>;

/** What the blocks read, with the rest as a plain vision transformer has it. */
const vitOf = (c: NaFlexConfig): VitConfig => ({
  ...defaultsOf(vitArgs),
  ...c,
  img_size: [1, 1],
  pos_embed: "none",
});

/** Patches [N, L, rows columns C], channels innermost. */
function patchify(s: Scope, x: Value, patch: Pair, [rows, columns]: Size): Value {
  const [n = 1, channels = 1] = x.type.shape;
  const depthOf = s.static(channels, "the channels of a patch");
  needSize(x, [scaleDim(rows, patch[0]), scaleDim(columns, patch[1])]);
  const cells = s.reshape(x, { shape: [n, depthOf, rows, patch[0], columns, patch[1]] });
  const ordered = s.transpose(cells, { perm: [0, 2, 4, 3, 5, 1] });
  return s.reshape(ordered, { shape: [n, mulDim(rows, columns), patch[0] * patch[1] * depthOf] });
}

/** Some of a table's entries along axes, after it is interpolated. */
function cut(s: Scope, x: Value, axis: number, count: Dim): Value {
  return sameDim(x.type.shape[axis] ?? 0, count) ? x : s.slice(x, { axis, range: [0, count] });
}

/** Positions [1, L, C] of this grid, interpolated in every forward pass. */
function positions(s: Scope, c: NaFlexConfig, [rows, columns]: Size): Value | undefined {
  const [h, w] = c.pos_embed_grid_size;
  const longer = (): Size => {
    const why = "pos_embed_ar_preserving interpolates positions to the longer side";
    const side = Math.max(s.static(rows, why), s.static(columns, why));
    return [side, side];
  };
  const to = c.pos_embed_ar_preserving ? longer() : ([rows, columns] as const);
  const shape = [1, mulDim(rows, columns), c.embed_dim];
  if (c.pos_embed === "learned") {
    const table = s.param("pos_embed", [1, h, w, c.embed_dim]);
    if (rows === h && columns === w) return s.reshape(table, { shape });
    const sized = s.resize(table, { axes: [1, 2], size: [...to], mode: "cubic", antialias: true });
    return s.reshape(cut(s, cut(s, sized, 1, rows), 2, columns), { shape });
  }
  if (c.pos_embed !== "factorized") return undefined;
  const along = (name: string, own: number, length: Dim, count: Dim): Value => {
    const table = s.param(name, [1, own, c.embed_dim]);
    const sized = length === own ? table : s.resize(table, { axes: [1], size: [length], mode: "linear" });
    return cut(s, sized, 1, count);
  };
  const y = s.reshape(along("pos_embed_y", h, to[0], rows), { shape: [1, rows, 1, c.embed_dim] });
  const x = s.reshape(along("pos_embed_x", w, to[1], columns), { shape: [1, 1, columns, c.embed_dim] });
  return s.reshape(s.add(y, x), { shape });
}

const embeds =
  (c: NaFlexConfig, grid: Size): Module =>
  (s, x) => {
    const proj = linear(c.embed_dim, { bias: !c.pre_norm });
    const patches = s.call("proj", proj, patchify(s, x, c.patch_size, grid));
    const added = positions(s, c, grid);
    const placed = added === undefined ? patches : s.add(patches, added);
    return embedTokens(s, placed, prefixTokens(["cls_token", c.class_token ? 1 : 0], ["reg_token", c.reg_tokens]));
  };

function pool(s: Scope, x: Value, c: NaFlexConfig, prefix: number): Value {
  const patches = (): Value => (c.pool_include_prefix ? x : dropTokens(s, x, prefix));
  if (c.global_pool === "") return x;
  if (c.global_pool === "token") return tokenAt(s, x, 0);
  if (c.global_pool !== "map") return globalPoolOver(s, patches(), c.global_pool, [1]);
  const hidden = Math.trunc(c.embed_dim * (c.attn_pool_mlp_ratio || c.mlp_ratio)) || c.embed_dim;
  const heads = c.attn_pool_num_heads || c.num_heads;
  const attend = attentionPoolLatent({ heads, hidden, norm: tokenNorm(c.norm_layer), act: c.act_layer });
  return s.call("attn_pool", attend, patches());
}

const gap: Row = { init_values: 1e-5, global_pool: "avg", reg_tokens: 4, fc_norm: true };
const map: Row = { init_values: 1e-5, global_pool: "map", reg_tokens: 1 };
const so150m2: Row = { embed_dim: 832, depth: 21, num_heads: 13, mlp_ratio: 34 / 13, qkv_bias: false };
const siglip: Row = { act_layer: "gelu_tanh", global_pool: "map" };

export default defineFamily<typeof args>({
  name: "naflexvit",
  paper: "https://arxiv.org/abs/2307.06304",
  args,
  variants: {
    naflexvit_base_patch16_gap: gap,
    naflexvit_base_patch16_par_gap: { ...gap, pos_embed_ar_preserving: true },
    naflexvit_base_patch16_parfac_gap: { ...gap, pos_embed_ar_preserving: true, pos_embed: "factorized" },
    naflexvit_base_patch16_map: map,
    naflexvit_so150m2_patch16_reg1_gap: { ...gap, ...so150m2, reg_tokens: 1 },
    naflexvit_so150m2_patch16_reg1_map: { ...map, ...so150m2 },
    naflexvit_base_patch16_siglip: siglip,
    naflexvit_so400m_patch16_siglip: { ...siglip, embed_dim: 1152, depth: 27, num_heads: 16, mlp_ratio: 3.7362 },
  },
  lastStages: 3,
  refuse: (c) => {
    if (c.embed_dim % c.num_heads !== 0)
      return `embed_dim=${c.embed_dim} must be divisible by num_heads=${c.num_heads}`;
    if (c.global_pool === "token" && !c.class_token) return 'global_pool="token" needs class_token=true';
    return undefined;
  },
  groups: () => [stemGroup(/embeds/), blockGroup(/blocks\.(\d+)/), blockGroup(/norm/, "last")],
  remap: () => remap,
  build: (s, image, c) => {
    const [h = 1, w = 1] = image.type.shape.slice(2);
    const [rows, columns] = patchGrid([h, w], c.patch_size);
    const norm = tokenNorm(c.norm_layer);
    const before = c.final_norm && c.fc_norm !== true ? norm : undefined;
    const after = c.final_norm && (c.fc_norm ?? c.global_pool === "avg") ? norm : undefined;
    const prefix = prefixLength(prefixTokens(["cls_token", c.class_token ? 1 : 0], ["reg_token", c.reg_tokens]));
    const outputs: Value[] = [];
    const vit = vitOf(c);
    const stack = Array.from({ length: c.depth }, (_, i) => blocks.pre_norm(vit, i));
    const tokens = s.chain(image, {
      embeds: embeds(c, [rows, columns]),
      norm_pre: c.pre_norm ? norm : undefined,
      blocks: noting(stack, outputs),
      norm: before,
    });
    const preLogits = s.chain(pool(s, tokens, c, prefix), { fc_norm: after });
    const stages = blockStages(s, outputs, {
      grid: [rows, columns],
      reduction: Math.max(...c.patch_size),
      prefix,
      norm: before && { path: "norm", module: before },
    });
    return {
      forwardFeatures: [tokens],
      preLogits: [preLogits],
      logits: [s.chain(preLogits, { head: fullyConnected(c.num_classes) })],
      stages,
      format: "NLC",
    };
  },
});
