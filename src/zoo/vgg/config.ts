import { commonArgs, globalPool } from "../family.ts";
import type { ActName } from "../layers/act.ts";
import type { MapNormName } from "../layers/norm.ts";
import { type ConfigOf, classOnly, dropRates, internal, number, oneOf } from "../schema.ts";

export const args = {
  ...commonArgs,
  drop_rate: dropRates.drop_rate,
  global_pool: globalPool(),
  /** Convolutions before each pool. */
  convs: internal<readonly number[]>([1, 1, 2, 2, 2]),
  output_stride: oneOf([32], 32, "the stride of the last stage"),
  mlp_ratio: number(1, "width between the two convolutions of the head over 4096", { min: 0 }),
  act_layer: classOnly<ActName>("relu", "the activation"),
  norm_layer: classOnly<MapNormName | undefined>(undefined, "the normalisation after each convolution"),
  conv_layer: classOnly(undefined, "the convolution"),
};

export type VggConfig = ConfigOf<typeof args>;
