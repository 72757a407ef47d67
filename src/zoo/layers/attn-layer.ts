import { type Arg, int, number, oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";
import type { ActName } from "./act.ts";
import { type AttnLayer, attnLayers, channelAttention, squeezeExcite } from "./channel-attention.ts";
import { keywords } from "./keyword-args.ts";
import { makeDivisible } from "./rounding.ts";

/** How narrow squeeze-excite is; the other kinds ignore it. */
export interface AttnKwargs {
  readonly rd_ratio?: number;
  readonly rd_channels?: number;
  readonly rd_divisor?: number;
}

/** timm's attn_kwargs. */
export const attnKwargs: Arg<AttnKwargs> = keywords<AttnKwargs>(
  {
    rd_ratio: number(1, "", { min: 0 }).read,
    rd_channels: int(1, "", { min: 1 }).read,
    rd_divisor: int(1, "", { min: 1 }).read,
  },
  {},
  "extra arguments of the channel attention",
);

/** timm's attn_layer, where it is a name. */
export const attnName = (doc: string): Arg<AttnLayer> => oneOf(attnLayers, "se", doc);

/** Channel attention of `channels` by timm's name and keywords. */
export function attnLayer(name: AttnLayer, channels: number, kwargs: AttnKwargs, act: ActName = "relu"): Module {
  if (name !== "se") return channelAttention(name, channels);
  const { rd_ratio: ratio = 1 / 16, rd_divisor: divisor = 8, rd_channels } = kwargs;
  return squeezeExcite({ width: rd_channels ?? makeDivisible(channels * ratio, divisor, divisor, 0), act });
}
