/** Res2Net: Gao et al. 2019 (arXiv:1904.01169), a ResNet of another bottleneck. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { act } from "../layers/act.ts";
import { conv2d } from "../layers/conv.ts";
import { norm } from "../layers/norm.ts";
import { avgPool } from "../layers/pool.ts";
import { split } from "../layers/split.ts";
import { type Place, addShortcut, networkGroups, refuseNetwork, residualNetwork } from "../resnet/network.ts";
import type { Module } from "../scope.ts";
import { type Res2NetConfig, args } from "./config.ts";
import { variants } from "./variants.ts";

const expansion = 4;

const widthOf = (c: Res2NetConfig, planes: number): number => Math.floor(planes * (c.base_width / 64)) * c.cardinality;

/** Fig. 2b: part i of the middle passes a 3x3 convolution together with the result of part i - 1; the last passes as it is. */
const bottleneck =
  (c: Res2NetConfig, p: Place): Module =>
  (s, x) => {
    const scale = c.block_args.scale ?? 4;
    const width = widthOf(c, p.planes);
    /** Parts of a block that changes the shape do not see each other. */
    const alone = p.shortcut !== undefined;
    const [normalise, relu] = [norm(c.norm_layer), act(c.act_layer)];
    const conv = conv2d(width, {
      kernel: 3,
      stride: p.stride,
      padding: p.firstDilation,
      dilation: p.firstDilation,
      groups: c.cardinality,
    });
    const wide = s.chain(x, { conv1: conv2d(width * scale), bn1: normalise, relu });
    const parts = split(s, wide, Array<number>(scale).fill(width), 1);
    const mixed: Value[] = [];
    for (const [i, part] of parts.slice(0, Math.max(1, scale - 1)).entries()) {
      const before = mixed.at(-1);
      const y = alone || before === undefined ? part : s.add(before, part);
      const z = s.at("bns").call(i, normalise, s.at("convs").call(i, conv, y));
      mixed.push(s.call("relu", relu, z));
    }
    const last = parts.at(-1) ?? wide;
    const pool = avgPool(3, { stride: p.stride, padding: 1 });
    const all = scale === 1 ? mixed : [...mixed, alone ? s.call("pool", pool, last) : last];
    const y = s.chain(s.concat(all, { axis: 1 }), { conv3: conv2d(expansion * p.planes), bn3: normalise });
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
