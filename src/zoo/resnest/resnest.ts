/** ResNeSt: Zhang et al. 2020 (arXiv:2004.08955), a ResNet whose 3x3 convolutions are split attention. */
import { defineFamily } from "../define-family.ts";
import { act } from "../layers/act.ts";
import { conv2d } from "../layers/conv.ts";
import { norm } from "../layers/norm.ts";
import { avgPool } from "../layers/pool.ts";
import { splitAttention } from "../layers/split-attention.ts";
import { type Place, addShortcut, networkGroups, refuseNetwork, residualNetwork } from "../resnet/network.ts";
import type { Module } from "../scope.ts";
import { type ResNestConfig, args } from "./config.ts";
import { variants } from "./variants.ts";

const expansion = 4;

/** Fig. 2: 1x1, split attention, 1x1, with the average pool of a strided block before or after the middle. */
const bottleneck =
  (c: ResNestConfig, p: Place): Module =>
  (s, x) => {
    const { radix = 1, avd = false, avd_first: first = false, is_first = false } = c.block_args;
    const width = Math.trunc(p.planes * (c.base_width / 64)) * c.cardinality;
    const pools = avd && (p.stride > 1 || is_first);
    const pool = avgPool(3, { stride: p.stride, padding: 1 });
    const normalise = norm(c.norm_layer);
    const spatial = {
      kernel: 3,
      stride: pools ? 1 : p.stride,
      padding: p.firstDilation,
      dilation: p.firstDilation,
      groups: c.cardinality,
    };
    const attends = radix > 0;
    const y = s.chain(x, {
      conv1: conv2d(width),
      bn1: normalise,
      act1: act(c.act_layer),
      avd_first: pools && first ? pool : undefined,
      conv2: attends ? splitAttention(width, { ...spatial, radix, norm: normalise }) : conv2d(width, spatial),
      bn2: attends ? undefined : normalise,
      act2: attends ? undefined : act(c.act_layer),
      avd_last: pools && !first ? pool : undefined,
      conv3: conv2d(expansion * p.planes),
      bn3: normalise,
    });
    return s.call("act3", act(c.act_layer), addShortcut(s, x, y, p));
  };

export default defineFamily({
  name: "resnest",
  paper: "https://arxiv.org/abs/2004.08955",
  args,
  variants,
  refuse: (c, given) => {
    if (c.block_reduce_first !== 1)
      return `block_reduce_first=${c.block_reduce_first}: a block of ResNeSt takes only 1`;
    if (c.aa_layer !== undefined) return `aa_layer=${c.aa_layer}: a block of ResNeSt takes none`;
    return refuseNetwork(c, given);
  },
  groups: networkGroups,
  build: (s, input, c) => residualNetwork(s, input, c, () => ({ block: bottleneck, expansion })),
});
