/**
 * Networks without normalisation: Brock et al. 2021, NF-ResNet and NF-RegNet (arXiv:2101.08692) and NFNet (2102.06171).
 */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { noting } from "../layers/block-stages.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { refuseUnpooled } from "../layers/classifier.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { type StageStride, stageStrides } from "../layers/stage-strides.ts";
import type { Module } from "../scope.ts";
import { actOf, convOf, normFreeBlock } from "./blocks.ts";
import { type NfNetConfig, args } from "./config.ts";
import { stem, stemStride } from "./stem.ts";
import { variants } from "./variants.ts";

/** Every residual adds alpha^2 to the variance; the shortcut of a stage's first block begins at 1 again. */
function stagesOf(c: NfNetConfig, strides: readonly StageStride[]): Module[] {
  let variance = 1;
  return strides.map(({ stride, dilation, firstDilation }, i) => {
    const out = makeDivisible((c.channels[i] ?? 0) * c.width_factor, c.ch_div);
    const blocks = Array.from({ length: c.depths[i] ?? 0 }, (_, j) => {
      const first = j === 0;
      const beta = 1 / variance ** 0.5;
      variance = (first ? 1 : variance) + c.alpha ** 2;
      const bottleRatio = c.reg && first && i === 0 ? 1 : c.bottle_ratio;
      const place = { out, dilation, beta, bottleRatio, stride: first ? stride : 1 };
      return normFreeBlock(c, { ...place, firstDilation: first ? firstDilation : dilation });
    });
    return (s, x) => s.sequence(x, blocks);
  });
}

export default defineFamily({
  name: "nfnet",
  paper: "https://arxiv.org/abs/2102.06171",
  args,
  variants,
  refuse: refuseUnpooled,
  groups: (coarse) => [
    stemGroup(/stem/),
    blockGroup(coarse ? /stages\.(\d+)/ : /stages\.(\d+)\.(\d+)/),
    blockGroup(/final_conv/, "last"),
  ],
  build: (s, input, c) => {
    const { out, feature } = stem(s, input, c);
    const from = stemStride(c);
    const strides = stageStrides([from > 2 ? 1 : 2, 2, 2, 2], from, c.output_stride);
    const outputs: Value[] = [];
    const x = s.call("stages", noting(stagesOf(c, strides), outputs), out);
    const width = makeDivisible(c.width_factor * c.num_features, c.ch_div);
    const last = s.chain(x, { final_conv: c.num_features > 0 ? convOf(c, width) : undefined });
    const features = s.call("final_act", actOf(c), last);
    const stages: Stage[] = [{ ...feature, reduction: 2, format: "NCHW" }];
    outputs.forEach((value, i) => {
      const reduction = strides[i]?.reduction ?? 0;
      const final = i === outputs.length - 1 && c.num_features > 0;
      const place = final ? { module: "final_conv", value: last } : { module: `stages.${i}`, value };
      stages.push({ ...place, reduction, format: "NCHW" });
    });
    const head = callHead(s, "head", classifierHead({ classes: c.num_classes, pool: c.global_pool }), features);
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
