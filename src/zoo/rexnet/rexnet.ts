/** ReXNet: Han et al. 2020 (arXiv:2007.00992), inverted bottlenecks whose width grows block by block. */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { noting } from "../layers/block-stages.ts";
import { squeezeExcite } from "../layers/channel-attention.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { batchNorm } from "../layers/norm.ts";
import { makeDivisible, roundHalfEven } from "../layers/rounding.ts";
import { split } from "../layers/split.ts";
import type { Module } from "../scope.ts";
import { type RexNetConfig, args } from "./config.ts";
import { type Block, planBlocks } from "./plan.ts";
import { variants } from "./variants.ts";

const norm = { kind: "batchnorm" } as const;

/** Expansion, depthwise, squeeze-excite, projection; the input is added to the first of more channels. */
const linearBottleneck =
  (c: RexNetConfig, b: Block): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const expands = b.expansion !== 1;
    const wide = expands ? makeDivisible(roundHalfEven(channels * b.expansion), c.ch_div) : channels;
    const [own, next] = b.dilation;
    const spatial = { kernel: 3, stride: b.stride, dilation: own, groups: wide };
    const width = makeDivisible(Math.trunc(wide * b.seRatio), c.ch_div);
    const y = s.chain(x, {
      conv_exp: expands ? convNormAct(wide, { norm, act: c.act_layer }) : undefined,
      conv_dw: convNormAct(wide, { ...spatial, norm, act: undefined }),
      se: b.seRatio > 0 ? squeezeExcite({ width, norm: batchNorm() }) : undefined,
      act_dw: act(c.dw_act_layer),
      conv_pwl: convNormAct(b.out, { norm, act: undefined }),
    });
    if (b.stride !== 1 || own !== next || channels > b.out) return y;
    if (channels === b.out) return s.add(y, x);
    const [first, rest] = split(s, y, [channels, b.out - channels], 1);
    return s.concat([s.add(first, x), rest], { axis: 1 });
  };

export default defineFamily({
  name: "rexnet",
  paper: "https://arxiv.org/abs/2007.00992",
  args,
  variants,
  refuse: (c, given) => refuseFixed(c, given) ?? refuseUnpooled(c),
  groups: () => [stemGroup(/stem/), blockGroup(/features\.(\d+)/)],
  build: (s, input, c) => {
    const width = (channels: number): number => makeDivisible(roundHalfEven(channels), c.ch_div);
    const base = c.width_mult < 1 ? 32 / c.width_mult : 32;
    const style = { norm, act: c.act_layer };
    const stem = s.call("stem", convNormAct(width(base * c.width_mult), { ...style, kernel: 3, stride: 2 }), input);
    const { blocks, ends } = planBlocks(c);
    const last = convNormAct(makeDivisible(1280 * c.width_mult, c.ch_div), style);
    const outputs: Value[] = [];
    const x = s.call("features", noting([...blocks.map((b) => linearBottleneck(c, b)), last], outputs), stem);
    const stages = ends.map(({ block, reduction }): Stage => {
      const value = outputs[block] ?? stem;
      return { module: block < 0 ? "stem" : `features.${block}`, value, reduction, format: "NCHW" };
    });
    const head = callHead(s, "head", classifierHead({ classes: c.num_classes, pool: c.global_pool }), x);
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
