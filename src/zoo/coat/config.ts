import { commonArgs } from "../family.ts";
import { fixedArg } from "../fixed.ts";
import {
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  dropout,
  ignored,
  int,
  ints,
  numbers,
  oneOf,
  pair,
} from "../schema.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  patch_size: int(16, "pixels of a patch", { min: 1 }),
  embed_dims: ints([64, 128, 320, 512], "width of each stage", { min: 1, length: 4 }),
  serial_depths: ints([3, 4, 6, 3], "blocks of each stage", { min: 0, length: 4 }),
  parallel_depth: int(0, "blocks of the last three stages together", { min: 0 }),
  num_heads: int(8, "attention heads", { min: 1 }),
  mlp_ratios: numbers([4, 4, 4, 4], "width inside an MLP per width of a token in each stage", { min: 0, length: 4 }),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  global_pool: oneOf(["token", "avg"], "token", "the class token, or the mean of the patches"),
  return_interm_layers: bool(false, "a dictionary of maps instead of logits"),
  out_features: ignored("the names of these maps"),
  crpe_window: classOnly<undefined>(undefined, "heads by convolution window of the relative positions"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  fixed: fixedArg,
};

export type CoatConfig = ConfigOf<typeof args>;

export const stageNumbers = [1, 2, 3, 4] as const;
export type StageNumber = (typeof stageNumbers)[number];

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: CoatConfig): string | undefined {
  if (c.return_interm_layers) return "return_interm_layers=true makes a dictionary, not logits";
  if (c.num_heads !== 8) return "num_heads must be 8: the convolutions of relative positions split 2, 3 and 3 heads";
  const dim = c.embed_dims.find((d) => d % c.num_heads !== 0);
  if (dim !== undefined) return `embed_dims: ${dim} must be divisible by num_heads=${c.num_heads}`;
  const [, second, third, fourth] = c.embed_dims;
  const [, a, b, d] = c.mlp_ratios;
  if (c.parallel_depth > 0 && (second !== third || third !== fourth || a !== b || b !== d))
    return "parallel blocks need equal embed_dims and mlp_ratios in the last three stages";
  return undefined;
}
