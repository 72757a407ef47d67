/** RegNet: Radosavovic et al. 2020 (arXiv:2003.13678), networks X and Y, and timm's own V and Z. */
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { conv2d } from "../layers/conv.ts";
import { type StageStride, stageStrides } from "../layers/stage-strides.ts";
import type { Module } from "../scope.ts";
import { bottleneck, preBottleneck } from "./blocks.ts";
import { type RegNetConfig, args } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";
import { type StageShape, stageShapes } from "./widths.ts";

/** Blocks are called b1, b2 and so on. */
const stage =
  (c: RegNetConfig, shape: StageShape, at: StageStride): Module =>
  (s, x) => {
    const out = shape.width;
    const block = c.preact ? preBottleneck : bottleneck;
    let y = x;
    for (let i = 0; i < shape.depth; i++) {
      const width = i === 0 ? s.channels(x) : out;
      const own = i === 0 ? at.firstDilation : at.dilation;
      const place = { in: width, out, groupSize: shape.groupSize, stride: i === 0 ? at.stride : 1 };
      y = s.call(`b${i + 1}`, block(c, { ...place, dilation: [own, at.dilation] }), y);
    }
    return y;
  };

function lastLayer(c: RegNetConfig): Module | undefined {
  if (c.num_features > 0) return convNormAct(c.num_features, { norm: c.norm_layer, act: c.act_layer });
  return c.linear_out || c.preact ? act(c.act_layer) : undefined;
}

export default defineFamily({
  name: "regnet",
  paper: "https://arxiv.org/abs/2003.13678",
  args,
  variants,
  refuse: (c, given) => {
    const twice = refuseFixed(c, given);
    if (twice !== undefined) return twice;
    if (c.wm <= 1 || c.w0 % 8 !== 0) return "timm needs wm > 1 and w0 a multiple of 8";
    if (c.bottle_ratio * c.w0 < 1) return `bottle_ratio=${c.bottle_ratio} leaves no channels in a bottleneck`;
    const stages = stageShapes(c).length;
    if (stages !== 4) return `depth, w0, wa and wm make ${stages} stages, where timm needs 4`;
    return refuseUnpooled(c);
  },
  groups: (coarse) => [stemGroup(/stem/), blockGroup(coarse ? /s(\d+)/ : /s(\d+)\.b(\d+)/)],
  remap: () => remap,
  build: (s, input, c) => {
    const style = { norm: c.norm_layer, act: c.act_layer };
    const first = { kernel: 3, stride: 2 };
    const stem = c.preact ? conv2d(c.stem_width, first) : convNormAct(c.stem_width, { ...first, ...style });
    let x = s.call("stem", stem, input);
    const stages: Stage[] = [{ module: "stem", value: x, reduction: 2, format: "NCHW" }];
    const shapes = stageShapes(c);
    const strides = stageStrides(Array<number>(shapes.length).fill(2), 2, c.output_stride);
    for (const [i, at] of strides.entries()) {
      const shape = shapes[i];
      if (shape === undefined) continue;
      const module = `s${i + 1}`;
      x = s.call(module, stage(c, shape, at), x);
      stages.push({ module, value: x, reduction: at.reduction, format: "NCHW" });
    }
    const features = s.chain(x, { final_conv: lastLayer(c) });
    const head = callHead(s, "head", classifierHead({ classes: c.num_classes, pool: c.global_pool }), features);
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
