import { type AttnLayer, attnLayers } from "../layers/channel-attention.ts";
import { keywords } from "../layers/keyword-args.ts";
import { networkArgs } from "../resnet/config.ts";
import { type ConfigOf, bool, int, internal, number, oneOf } from "../schema.ts";

interface KernelArgs {
  readonly rd_ratio?: number;
  readonly rd_divisor?: number;
  readonly rd_channels?: number;
  readonly keep_3x3?: boolean;
  readonly split_input?: boolean;
}

interface BlockArgs {
  readonly sk_kwargs?: KernelArgs;
  readonly attn_layer?: AttnLayer;
}

const kernelArgs = keywords<KernelArgs>(
  {
    rd_ratio: number(1, "", { min: 0 }).read,
    rd_divisor: int(1, "", { min: 1 }).read,
    rd_channels: int(1, "", { min: 1 }).read,
    keep_3x3: bool(true, "").read,
    split_input: bool(true, "").read,
  },
  {},
  "",
);

export const args = {
  ...networkArgs,
  block: internal<"basic" | "bottleneck">("bottleneck"),
  block_args: keywords<BlockArgs>(
    { sk_kwargs: kernelArgs.read, attn_layer: oneOf(attnLayers, "se", "").read },
    {},
    "extra arguments of every block",
  ),
};

export type SkNetConfig = ConfigOf<typeof args>;
