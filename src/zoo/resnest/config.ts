import { keywords } from "../layers/keyword-args.ts";
import { networkArgs } from "../resnet/config.ts";
import { type ConfigOf, bool, int } from "../schema.ts";

interface BlockArgs {
  /** Splits of each group; 0 for a plain convolution. */
  readonly radix?: number;
  /** An average pool takes the stride of the 3x3 convolution, */
  readonly avd?: boolean;
  /** before it. */
  readonly avd_first?: boolean;
  /** The pool stands in every block. */
  readonly is_first?: boolean;
}

const flag = bool(false, "").read;

export const args = {
  ...networkArgs,
  block_args: keywords<BlockArgs>(
    { radix: int(1, "", { min: 0, max: 64 }).read, avd: flag, avd_first: flag, is_first: flag },
    {},
    "extra arguments of every block",
  ),
};

export type ResNestConfig = ConfigOf<typeof args>;
