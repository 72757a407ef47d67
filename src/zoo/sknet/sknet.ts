/** SKNet: Li et al. 2019 (arXiv:1903.06586), a ResNet that selects between kernels of different reach. */
import { defineFamily } from "../define-family.ts";
import { act } from "../layers/act.ts";
import { channelAttention } from "../layers/channel-attention.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { normActNames } from "../layers/norm-act.ts";
import { selectiveKernel } from "../layers/selective-kernel.ts";
import { type Place, addShortcut, networkGroups, refuseNetwork, residualNetwork } from "../resnet/network.ts";
import type { Module } from "../scope.ts";
import { type SkNetConfig, args } from "./config.ts";
import { variants } from "./variants.ts";

const normOf = (c: SkNetConfig) => normActNames.find((name) => name === c.norm_layer);

/** What both kinds of block are made of. */
function parts(c: SkNetConfig, p: Place) {
  const style = { norm: { kind: normOf(c) ?? "batchnorm" }, act: c.act_layer } as const;
  const { sk_kwargs: sk = {}, attn_layer } = c.block_args;
  return {
    style,
    attention: (channels: number) => (attn_layer === undefined ? undefined : channelAttention(attn_layer, channels)),
    select: (width: number, groups: number) =>
      selectiveKernel(width, {
        ...style,
        stride: p.stride,
        dilation: p.firstDilation,
        groups,
        aa: c.aa_layer,
        ratio: sk.rd_ratio,
        divisor: sk.rd_divisor,
        reduced: sk.rd_channels,
        dilated: sk.keep_3x3,
        splitInput: sk.split_input,
      }),
  };
}

const basicBlock =
  (c: SkNetConfig, p: Place): Module =>
  (s, x) => {
    const { style, attention, select } = parts(c, p);
    const y = s.chain(x, {
      conv1: select(Math.floor(p.planes / c.block_reduce_first), 1),
      conv2: convNormAct(p.planes, { ...style, kernel: 3, dilation: p.dilation, act: undefined }),
      se: attention(p.planes),
    });
    return s.call("act", act(c.act_layer), addShortcut(s, x, y, p));
  };

/** Table 1 of the paper: the 3x3 convolution of a bottleneck is the selective one. */
const bottleneck =
  (c: SkNetConfig, p: Place): Module =>
  (s, x) => {
    const { style, attention, select } = parts(c, p);
    const width = Math.floor(p.planes * (c.base_width / 64)) * c.cardinality;
    const y = s.chain(x, {
      conv1: convNormAct(Math.floor(width / c.block_reduce_first), style),
      conv2: select(width, c.cardinality),
      conv3: convNormAct(4 * p.planes, { ...style, act: undefined }),
      se: attention(4 * p.planes),
    });
    return s.call("act", act(c.act_layer), addShortcut(s, x, y, p));
  };

const kinds = { basic: { block: basicBlock, expansion: 1 }, bottleneck: { block: bottleneck, expansion: 4 } } as const;

export default defineFamily({
  name: "sknet",
  paper: "https://arxiv.org/abs/1903.06586",
  args,
  variants,
  refuse: (c, given) => {
    if (c.block === "basic" && (c.cardinality !== 1 || c.base_width !== 64))
      return "a basic block takes only cardinality=1 and base_width=64";
    if (normOf(c) === undefined) return `norm_layer=${c.norm_layer}: timm has no such norm with an activation inside`;
    return refuseNetwork(c, given);
  },
  groups: networkGroups,
  build: (s, input, c) => residualNetwork(s, input, c, () => kinds[c.block]),
});
