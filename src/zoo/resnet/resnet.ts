/**
 * ResNet and its descendants: He et al. 2015 (arXiv:1512.03385), ResNeXt (1611.05431), the C, D, S and T tweaks of
 * "Bag of Tricks" (1812.01187), SE (1709.01507), ECA (1910.03151), BlurPool (1904.11486), ResNet-RS (2103.07579).
 */
import { defineFamily } from "../define-family.ts";
import { act } from "../layers/act.ts";
import { antiAlias } from "../layers/blur-pool.ts";
import { channelAttention, squeezeExcite } from "../layers/channel-attention.ts";
import { conv2d } from "../layers/conv.ts";
import { norm } from "../layers/norm.ts";
import type { Module } from "../scope.ts";
import { type BlockKind, type ResNetConfig, args } from "./config.ts";
import { type Place, addShortcut, networkGroups, refuseNetwork, residualNetwork } from "./network.ts";
import { variants } from "./variants.ts";

/** Channel attention after the last norm; `channels` are the block's own, before any pruning. */
const attention = ({ block_args: { attn_layer, rd_ratio } }: ResNetConfig, channels: number): Module | undefined => {
  if (attn_layer === undefined) return undefined;
  return rd_ratio === undefined ? channelAttention(attn_layer, channels) : squeezeExcite({ ratio: rd_ratio });
};

/** Fig. 5 left: two 3x3 convolutions. */
const basicBlock =
  (c: ResNetConfig, p: Place): Module =>
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
const bottleneck =
  (c: ResNetConfig, p: Place): Module =>
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

const kinds = { basic: { block: basicBlock, expansion: 1 }, bottleneck: { block: bottleneck, expansion: 4 } } as const;

const kindAt = ({ block }: ResNetConfig, stage: number): BlockKind =>
  typeof block === "string" ? block : (block[stage] ?? "bottleneck");

export default defineFamily({
  name: "resnet",
  paper: "https://arxiv.org/abs/1512.03385",
  args,
  variants,
  refuse: (c, given) => {
    if (kindAt(c, 0) === "basic" && (c.cardinality !== 1 || c.base_width !== 64))
      return "a basic block takes only cardinality=1 and base_width=64";
    return refuseNetwork(c, given);
  },
  groups: networkGroups,
  build: (s, input, c) => {
    if (c.widths) s.prune(c.widths);
    return residualNetwork(s, input, c, (stage) => kinds[kindAt(c, stage)]);
  },
});
