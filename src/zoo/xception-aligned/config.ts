import { commonArgs, globalPool } from "../family.ts";
import type { ActName } from "../layers/act.ts";
import { type ConfigOf, bool, classOnly, dropRates, internal, oneOf } from "../schema.ts";

export interface Block {
  /** Channels of its three separable convolutions. */
  readonly outs: readonly [number, number, number];
  readonly stride: 1 | 2;
  /** The last block has no shortcut, and its activations behind the convolutions. */
  readonly last?: true;
}

export const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  output_stride: oneOf([8, 16, 32], 32, "the stride of the last stage; strides beyond it become dilation"),
  preact: bool(false, "norm and activation before each convolution"),
  act_layer: classOnly<ActName>("relu", "the activation"),
  norm_layer: classOnly<{ readonly eps: number }>({ eps: 1e-5 }, "the normalisation"),
  block_cfg: internal<readonly Block[]>([]),
  /** The last block says where its activations are, which only blocks that are not pre-activated take. */
  placed: internal(false),
};

export type XceptionAlignedConfig = ConfigOf<typeof args>;
