/** Res2Net: Gao et al. 2019 (arXiv:1904.01169), a ResNet of another bottleneck. */
import { defineFamily } from "../define-family.ts";
import { act } from "../layers/act.ts";
import { conv2d } from "../layers/conv.ts";
import { multiScaleConv } from "../layers/multi-scale-conv.ts";
import { norm } from "../layers/norm.ts";
import { type Place, addShortcut, networkGroups, refuseNetwork, residualNetwork } from "../resnet/network.ts";
import type { Module } from "../scope.ts";
import { type Res2NetConfig, args } from "./config.ts";
import { variants } from "./variants.ts";

const expansion = 4;

const widthOf = (c: Res2NetConfig, planes: number): number => Math.floor(planes * (c.base_width / 64)) * c.cardinality;

/** Fig. 2b: a bottleneck whose 3x3 convolution goes from part to part. */
const bottleneck =
  (c: Res2NetConfig, p: Place): Module =>
  (s, x) => {
    const scale = c.block_args.scale ?? 4;
    const width = widthOf(c, p.planes);
    const style = { norm: norm(c.norm_layer), act: c.act_layer };
    const relu = act(c.act_layer);
    const wide = s.chain(x, { conv1: conv2d(width * scale), bn1: style.norm, relu });
    const mixed = multiScaleConv(s, wide, {
      ...style,
      scale,
      width,
      stride: p.stride,
      dilation: p.firstDilation,
      groups: c.cardinality,
      alone: p.shortcut !== undefined,
    });
    const y = s.chain(mixed, { conv3: conv2d(expansion * p.planes), bn3: style.norm });
    return s.call("relu", relu, addShortcut(s, x, y, p));
  };

export default defineFamily({
  name: "res2net",
  paper: "https://arxiv.org/abs/1904.01169",
  args,
  variants,
  refuse: (c, given) =>
    c.channels.some((planes) => widthOf(c, planes) === 0)
      ? `base_width=${c.base_width} leaves no channels in a part`
      : refuseNetwork(c, given),
  groups: networkGroups,
  build: (s, input, c) => residualNetwork(s, input, c, () => ({ block: bottleneck, expansion })),
});
