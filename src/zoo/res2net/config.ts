import { keywords } from "../layers/keyword-args.ts";
import { networkArgs } from "../resnet/config.ts";
import { type ConfigOf, int } from "../schema.ts";

export const args = {
  ...networkArgs,
  block_args: keywords<{ readonly scale?: number }>(
    { scale: int(4, "", { min: 1, max: 64 }).read },
    {},
    "how many parts the 3x3 convolution of a block is cut into",
  ),
};

export type Res2NetConfig = ConfigOf<typeof args>;
