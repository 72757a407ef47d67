import type { ActName } from "../layers/act.ts";
import { act } from "../layers/act.ts";
import {
  effectiveSqueezeExcite,
  efficientChannelAttention,
  squeezeExcite as squeezeExciteOfResNets,
} from "../layers/channel-attention.ts";
import { conv2d } from "../layers/conv.ts";
import { globalContext } from "../layers/global-context.ts";
import { roundHalfEven } from "../layers/rounding.ts";
import { type Arg, oneOf, optional } from "../schema.ts";
import type { Module } from "../scope.ts";

/** Channel attention inside a block: `channels` of the design, the ratio of the block string, the block's activation. */
export type SeLayer = (channels: number, ratio: number, act: ActName) => Module;

interface SqueezeExciteOptions {
  readonly gate?: ActName;
  /** Instead of the block's activation. */
  readonly forceAct?: ActName;
  readonly round?: (channels: number) => number;
}

/** Squeeze-and-excitation by the names of timm's _efficientnet_blocks. */
export const squeezeExcite =
  ({ gate = "sigmoid", forceAct, round = roundHalfEven }: SqueezeExciteOptions = {}): SeLayer =>
  (channels, ratio, name) =>
  (s, x) => {
    const width = s.channels(x);
    const y = s.chain(s.reduce_mean(x, { axes: [2, 3], keep: true }), {
      conv_reduce: conv2d(round(channels * ratio), { bias: true }),
      act1: act(forceAct ?? name),
      conv_expand: conv2d(width, { bias: true }),
      gate: act(gate),
    });
    return s.mul(x, y);
  };

/** timm's names for what may stand in place of it (layers/create_attn.py). */
const named = {
  se: (_, ratio, act) => squeezeExciteOfResNets({ ratio, act }),
  ese: () => effectiveSqueezeExcite,
  eca: (channels) => efficientChannelAttention(channels),
  gc: (_, ratio, act) => globalContext({ ratio, act }),
  gca: (_, ratio, act) => globalContext({ ratio, act, add: true }),
} as const satisfies Record<string, SeLayer>;

type SeLayerName = keyof typeof named;

export const seLayer: Arg<SeLayerName | undefined> = optional(
  oneOf(Object.keys(named) as SeLayerName[], "se", "channel attention instead of squeeze-excite"),
);

export const namedSeLayer = (name: SeLayerName): SeLayer => named[name];
