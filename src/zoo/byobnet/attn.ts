/** Channel attention inside blocks, by timm's names (layers/create_attn.py) and keywords. */
import { bilinearAttention } from "../layers/bilinear-attention.ts";
import { effectiveSqueezeExcite, efficientChannelAttention, squeezeExcite } from "../layers/channel-attention.ts";
import { globalContext } from "../layers/global-context.ts";
import { keywords } from "../layers/keyword-args.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { int, number } from "../schema.ts";
import type { Module } from "../scope.ts";

export interface AttnKeywords {
  readonly rd_ratio?: number;
  readonly rd_divisor?: number;
  /** Of bilinear attention. */
  readonly block_size?: number;
  readonly groups?: number;
}

const kinds = {
  se: (channels, { rd_ratio = 1 / 16, rd_divisor = 8 }) =>
    squeezeExcite({ width: makeDivisible(channels * rd_ratio, rd_divisor, rd_divisor, 0) }),
  ese: () => effectiveSqueezeExcite,
  eca: (channels) => efficientChannelAttention(channels),
  gc: (_, { rd_ratio = 1 / 8 }) => globalContext({ ratio: rd_ratio }),
  gca: (_, { rd_ratio = 1 / 8 }) => globalContext({ ratio: rd_ratio, add: true }),
  bat: (_, { block_size, groups, rd_ratio, rd_divisor }) =>
    bilinearAttention({
      ...(block_size === undefined ? {} : { blocks: block_size }),
      ...(groups === undefined ? {} : { groups }),
      ...(rd_ratio === undefined ? {} : { ratio: rd_ratio }),
      ...(rd_divisor === undefined ? {} : { divisor: rd_divisor }),
    }),
} as const satisfies Record<string, (channels: number, keywords: AttnKeywords) => Module>;

export type AttnName = keyof typeof kinds;
export const attnNames = Object.keys(kinds) as readonly AttnName[];

export const attnOf = (name: AttnName | "", given: AttnKeywords): ((channels: number) => Module) | undefined =>
  name === "" ? undefined : (channels) => kinds[name](channels, given);

const ratio = number(1 / 16, "", { min: 0 });
const count = int(8, "", { min: 1 });

/** The argument attn_kwargs. */
export const attnKeywords = keywords<AttnKeywords>(
  {
    rd_ratio: (v) => ratio.read(v),
    rd_divisor: (v) => count.read(v),
    block_size: (v) => count.read(v),
    groups: (v) => count.read(v),
  },
  {},
  "arguments of attn_layer",
);
