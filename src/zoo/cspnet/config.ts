import { commonArgs, globalPool } from "../family.ts";
import { actLayer } from "../layers/act.ts";
import { type AaLayer, aaLayers } from "../layers/blur-pool.ts";
import { normActLayerOr } from "../layers/norm-act.ts";
import { type ConfigOf, dropRates, inert, internal, oneOf, optional } from "../schema.ts";
import type { Design } from "./design.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  output_stride: oneOf([8, 16, 32], 32, "the stride of the last stage; strides beyond it become dilation"),
  global_pool: globalPool(),
  act_layer: actLayer("leaky_relu"),
  norm_layer: normActLayerOr({ kind: "batchnorm" }),
  aa_layer: optional(oneOf<AaLayer>(aaLayers, "avg", "anti-aliasing instead of the strides of stages")),
  zero_init_last: inert("initialisation; no effect at inference"),
  design: internal<Design>({ stem: { channels: [], stride: 2 }, stages: [] }),
};

export type CspNetConfig = ConfigOf<typeof args>;
