import { commonArgs, globalPool } from "../family.ts";
import { actLayer } from "../layers/act.ts";
import type { AaLayer } from "../layers/blur-pool.ts";
import { normActLayerOr } from "../layers/norm-act.ts";
import { type ConfigOf, bool, classOnly, dropRates, dropout, inert, int, ints, oneOf } from "../schema.ts";

export const args = {
  ...commonArgs,
  drop_rate: dropRates.drop_rate,
  global_pool: globalPool(),
  growth_rate: int(32, "channels that each layer adds", { min: 1 }),
  block_config: ints([6, 12, 24, 16], "layers of each dense block", { min: 1 }),
  bn_size: int(4, "width of a layer's 1x1 convolution over the growth rate", { min: 1 }),
  stem_type: oneOf(
    ["", "deep", "deep_tiered", "deep_tiered_narrow"],
    "",
    "one 7x7 convolution, or three 3x3 ones of equal or growing width",
  ),
  act_layer: actLayer("relu"),
  norm_layer: normActLayerOr({ kind: "batchnorm2d" }),
  aa_layer: classOnly<AaLayer | undefined>(undefined, "anti-aliasing instead of the stem's pool stride"),
  aa_stem_only: bool(true, "no anti-aliasing in the transitions"),
  proj_drop_rate: dropout("dropout in the layers; no effect at inference"),
  memory_efficient: inert("training; no effect at inference"),
};

export type DenseNetConfig = ConfigOf<typeof args>;
