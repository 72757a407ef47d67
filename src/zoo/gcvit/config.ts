import { commonArgs, globalPool } from "../family.ts";
import { fixedArg } from "../fixed.ts";
import { actLayer } from "../layers/act.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import type { Pair } from "../layers/conv.ts";
import { mapNormLayer, normLayer } from "../layers/norm.ts";
import {
  type ConfigOf,
  bool,
  dropRates,
  dropout,
  inert,
  int,
  ints,
  number,
  optional,
  pair,
  perStage,
  stagewise,
} from "../schema.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "the image that windows are made for"),
  global_pool: globalPool(),
  window_ratio: perStage(
    int(32, "img_size over the window of each stage, where window_size is not given", { min: 1 }),
    [32, 32, 16, 32],
  ),
  window_size: optional(perStage(int(7, "height and width of the windows of each stage", { min: 1 }))),
  embed_dim: int(64, "width of the first stage; every stage doubles it", { min: 1 }),
  depths: ints([3, 4, 19, 5], "blocks of each stage", { min: 0 }),
  num_heads: ints([2, 4, 8, 16], "attention heads of each stage", { min: 1 }),
  mlp_ratio: number(3, "width inside an MLP per width of a token", { min: 0 }),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  layer_scale: optional(number(1e-5, "initial LayerScale; without it there is none")),
  act_layer: actLayer("gelu"),
  norm_layer: mapNormLayer("layernorm2d"),
  norm_layer_cl: normLayer("layernorm"),
  norm_eps: number(1e-5, "epsilon of the norms", { min: 0 }),
  weight_init: inert("initialisation; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  fixed: fixedArg,
};

export type GcVitConfig = ConfigOf<typeof args>;

/** Height and width of a stage's map by the constructor's count. */
export function featureSize(c: GcVitConfig, stage: number): Pair {
  const scale = 2 ** stage;
  return [Math.floor(Math.floor(c.img_size[0] / 4) / scale), Math.floor(Math.floor(c.img_size[1] / 4) / scale)];
}

export function windowOf(c: GcVitConfig, stage: number): Pair {
  const stages = c.depths.length;
  const side = stagewise(c.window_size, stages)[stage];
  if (side !== undefined) return [side, side];
  const part = stagewise(c.window_ratio, stages)[stage] ?? 32;
  return [Math.floor(c.img_size[0] / part), Math.floor(c.img_size[1] / part)];
}

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: GcVitConfig): string | undefined {
  const stages = c.depths.length;
  for (const [name, list] of Object.entries({
    num_heads: c.num_heads,
    window_ratio: c.window_ratio,
    window_size: c.window_size,
  }))
    if (Array.isArray(list) && list.length < stages) return `${name} has ${list.length} entries for ${stages} stages`;
  const at = c.depths.findIndex((_, i) => (c.embed_dim * 2 ** i) % (c.num_heads[i] ?? 1) !== 0);
  if (at >= 0) return `the width of stage ${at} must be divisible by num_heads=${c.num_heads[at]}`;
  return refuseUnpooled(c);
}
