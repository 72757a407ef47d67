/** Hiera: Ryali et al. 2023 (arXiv:2306.00989), and absolute positions for windows (2311.05613). */
import { printDim, sameDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { channelsLastHead, channelsLastPools } from "../layers/channels-last-head.ts";
import { callHead } from "../layers/classifier-head.ts";
import { type Pair, conv2d } from "../layers/conv.ts";
import { toTokens } from "../layers/patch-embed.ts";
import { tiled } from "../layers/tile.ts";
import { tokenNorm, tokenNormLayer } from "../layers/token-norm.ts";
import type { Remap } from "../remap/remap.ts";
import { renames } from "../remap/steps.ts";
import {
  type ConfigOf,
  bool,
  dropRates,
  dropout,
  inert,
  int,
  internal,
  ints,
  number,
  oneOf,
  optional,
  pair,
} from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import { hieraBlock } from "./block.ts";
import { reroll, unroll } from "./units.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  patch_drop_rate: dropout("dropout of patches; no effect at inference"),
  weight_init: inert("initialisation; no effect at inference"),
  fix_init: inert("initialisation; no effect at inference"),
  head_init_scale: inert("initialisation; no effect at inference"),
  img_size: pair(224, "height and width of the input"),
  global_pool: oneOf(channelsLastPools, "avg", 'pooling before the classifier; "" classifies every token'),
  embed_dim: int(96, "width of the first stage; every stage doubles it", { min: 1 }),
  num_heads: int(1, "attention heads of the first stage; every stage doubles them", { min: 1 }),
  stages: ints([2, 3, 16, 3], "blocks of each stage", { min: 1, length: 4 }),
  q_pool: int(3, "how many stages begin with pooling", { min: 3, max: 3 }),
  mask_unit_size: pair(8, "height and width of a mask unit in tokens"),
  mask_unit_attn: internal<readonly boolean[]>([true, true, false, false]),
  use_expand_proj: bool(true, "a projection where a stage widens, instead of maximum and mean side by side"),
  mlp_ratio: number(4, "width inside an MLP over that of its stage", { min: 0 }),
  init_values: optional(number(1e-5, "initial layer scale; none without it")),
  norm_layer: tokenNormLayer({ name: "layernorm" }, "the normalisation"),
  abs_win_pos_embed: bool(false, "positions of a global grid and of a window, instead of one per token"),
  global_pos_size: pair(14, "rows and columns of the global grid"),
};

type Config = ConfigOf<typeof args>;

const patchStride = 4;
const poolStride: Pair = [2, 2];
const pooledTokens = 4;

const gridOf = ({ img_size: [h, w] }: Config): Pair => [Math.floor(h / patchStride), Math.floor(w / patchStride)];

/** A learned position per token; or a global grid, resampled, and a window that repeats. */
function positions(s: Scope, c: Config): Value {
  const grid = gridOf(c);
  if (!c.abs_win_pos_embed) return s.param("pos_embed", [1, grid[0] * grid[1], c.embed_dim]);
  const global = s.param("pos_embed", [1, c.embed_dim, ...c.global_pos_size]);
  const window = s.param("pos_embed_win", [1, c.embed_dim, ...c.mask_unit_size]);
  const resized = s.resize(global, { axes: [2, 3], size: [...grid], mode: "cubic", antialias: true });
  return toTokens(s, s.add(resized, tiled(s, window, grid)));
}

/** timm's order of tokens is made for img_size. */
function needGrid(map: Value, grid: Pair): void {
  const [h = 0, w = 0] = map.type.shape.slice(2);
  if (sameDim(h, grid[0]) && sameDim(w, grid[1])) return;
  throw new TimmcError(
    "unsupported",
    `there are ${printDim(h)}x${printDim(w)} patches where the network is made for ${grid[0]}x${grid[1]}`,
  );
}

function refuse(c: Config): string | undefined {
  const grid = gridOf(c);
  const unit = poolStride[0] ** (c.stages.length - 1);
  if (grid.some((extent) => extent % unit !== 0))
    return `img_size=${c.img_size.join("x")} is not made of whole mask units: take multiples of ${patchStride * unit}`;
  if (c.abs_win_pos_embed && grid.some((extent, i) => extent % (c.mask_unit_size[i] ?? 1) !== 0))
    return `mask_unit_size=${c.mask_unit_size.join("x")} does not divide ${grid.join("x")} tokens`;
  return undefined;
}

/** Every block in order, with the stage that it belongs to. */
function blocksOf(c: Config): { readonly module: Module; readonly stage: number; readonly last: boolean }[] {
  const norm = tokenNorm(c.norm_layer);
  return c.stages.flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, j) => {
      const widens = stage > 0 && j === 0;
      // The first block of a stage still attends as the stage before.
      const within = c.mask_unit_attn[widens ? stage - 1 : stage] === true;
      const unit = c.mask_unit_size[0] * c.mask_unit_size[1];
      const module = hieraBlock({
        out: c.embed_dim * 2 ** stage,
        heads: c.num_heads * 2 ** stage,
        pool: widens ? pooledTokens : 1,
        window: within ? Math.floor(unit / pooledTokens ** stage) : undefined,
        mlpRatio: c.mlp_ratio,
        scaled: c.init_values !== undefined,
        project: c.use_expand_proj,
        norm,
      });
      return { module, stage, last: j === depth - 1 };
    }),
  );
}

const remap: Remap = {
  layouts: [],
  tail: renames(
    [/head\.projection\./, "head.fc."],
    [/^encoder_norm\./, "head.norm."],
    [/^norm\./, "head.norm."],
    [/^pos_embed_abs$/, "pos_embed"],
  ),
};

const row = (embed_dim: number, num_heads: number, stages: readonly number[]) => ({ embed_dim, num_heads, stages });
const small = row(96, 1, [1, 2, 11, 2]);
const base = row(96, 1, [2, 3, 16, 3]);
const windows = { abs_win_pos_embed: true, init_values: 1e-5 } as const;

export default defineFamily({
  name: "hiera",
  paper: "https://arxiv.org/abs/2306.00989",
  args,
  variants: {
    hiera_tiny_224: row(96, 1, [1, 2, 7, 2]),
    hiera_small_224: small,
    hiera_base_224: base,
    hiera_base_plus_224: row(112, 2, [2, 3, 16, 3]),
    hiera_large_224: row(144, 2, [2, 6, 36, 4]),
    hiera_huge_224: row(256, 4, [2, 6, 36, 4]),
    hiera_small_abswin_256: { ...small, ...windows, global_pos_size: [16, 16], use_expand_proj: false },
    hiera_base_abswin_256: { ...base, ...windows },
  },
  refuse,
  fixedSize: () => "tokens are put in the order of mask units of img_size, and pos_embed is added as it is",
  groups: () => [
    stemGroup(/pos_embed|pos_embed_spatial|pos_embed_temporal|pos_embed_abs|pos_embed_win|patch_embed/),
    blockGroup(/blocks\.(\d+)/),
    blockGroup(/norm/, "last"),
  ],
  remap: () => remap,
  build: (s, input, c) => {
    const grid = gridOf(c);
    const levels = c.stages.length - 1;
    const patches: Module = (t, y) =>
      t.call("proj", conv2d(c.embed_dim, { kernel: 7, stride: patchStride, padding: 3, bias: true }), y);
    const map = s.call("patch_embed", patches, input);
    needGrid(map, grid);
    const placed = s.add(toTokens(s, map), positions(s, c));
    const stages: Stage[] = [];
    const trunk: Module = (t, y) =>
      blocksOf(c).reduce((x, { module, stage, last }, i) => {
        const result = t.call(i, module, x);
        if (!last) return result;
        const size: Pair = [grid[0] / 2 ** stage, grid[1] / 2 ** stage];
        const value = reroll(t, result, { size, stride: poolStride, levels: levels - stage });
        stages.push({ module: `blocks.${i}`, value, reduction: patchStride * 2 ** stage, format: "NCHW" });
        return result;
      }, y);
    const features = s.call("blocks", trunk, unroll(s, placed, { size: grid, stride: poolStride, levels }));
    const norm = tokenNorm(c.norm_layer);
    const head = channelsLastHead({ classes: c.num_classes, pool: c.global_pool, format: "NLC", norm });
    const { preLogits, logits } = callHead(s, "head", head, features);
    return { forwardFeatures: [features], preLogits: [preLogits], logits: [logits], stages, format: "NLC" };
  },
});
