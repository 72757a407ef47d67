import { type ActName, act } from "../layers/act.ts";
import { type AaLayer, antiAlias } from "../layers/blur-pool.ts";
import { channelAttention, squeezeExcite } from "../layers/channel-attention.ts";
import { conv2d } from "../layers/conv.ts";
import { type MapNormName, norm } from "../layers/norm.ts";
import type { Module } from "../scope.ts";
import type { BlockArgs } from "./config.ts";
import { type Place, addShortcut } from "./network.ts";

/** What the blocks read of a network's configuration. */
export interface BlockConfig {
  readonly cardinality: number;
  readonly base_width: number;
  readonly block_reduce_first: number;
  readonly act_layer: ActName;
  readonly norm_layer: MapNormName;
  readonly aa_layer: AaLayer | undefined;
  readonly block_args: BlockArgs;
}

/** Channel attention after the last norm; `channels` are the block's own, before any pruning. */
const attention = ({ block_args: { attn_layer, rd_ratio } }: BlockConfig, channels: number): Module | undefined => {
  if (attn_layer === undefined) return undefined;
  return rd_ratio === undefined ? channelAttention(attn_layer, channels) : squeezeExcite({ ratio: rd_ratio });
};

/** Fig. 5 left: two 3x3 convolutions. */
export const basicBlock =
  (c: BlockConfig, p: Place): Module =>
  (s, x) => {
    const blurs = c.aa_layer !== undefined && (p.stride === 2 || p.firstDilation !== p.dilation);
    const y = s.chain(x, {
      conv1: conv2d(Math.floor(p.planes / c.block_reduce_first), {
        kernel: 3,
        stride: blurs ? 1 : p.stride,
        dilation: p.firstDilation,
        padding: p.firstDilation,
      }),
      bn1: norm(c.norm_layer),
      act1: act(c.act_layer),
      aa: blurs && c.aa_layer ? antiAlias(c.aa_layer, p.stride) : undefined,
      conv2: conv2d(p.planes, { kernel: 3, dilation: p.dilation, padding: p.dilation }),
      bn2: norm(c.norm_layer),
      se: attention(c, p.planes),
    });
    return s.call("act2", act(c.act_layer), addShortcut(s, x, y, p));
  };

/** Fig. 5 right: 1x1, 3x3 with the stride, 1x1 to four times the planes. */
export const bottleneck =
  (c: BlockConfig, p: Place): Module =>
  (s, x) => {
    const width = Math.floor(p.planes * (c.base_width / 64)) * c.cardinality;
    const blurs = c.aa_layer !== undefined && (p.stride === 2 || p.firstDilation !== p.dilation);
    const y = s.chain(x, {
      conv1: conv2d(Math.floor(width / c.block_reduce_first)),
      bn1: norm(c.norm_layer),
      act1: act(c.act_layer),
      conv2: conv2d(width, {
        kernel: 3,
        stride: blurs ? 1 : p.stride,
        dilation: p.firstDilation,
        padding: p.firstDilation,
        groups: c.cardinality,
      }),
      bn2: norm(c.norm_layer),
      act2: act(c.act_layer),
      aa: blurs && c.aa_layer ? antiAlias(c.aa_layer, p.stride) : undefined,
      conv3: conv2d(4 * p.planes),
      bn3: norm(c.norm_layer),
      se: attention(c, 4 * p.planes),
    });
    return s.call("act3", act(c.act_layer), addShortcut(s, x, y, p));
  };
