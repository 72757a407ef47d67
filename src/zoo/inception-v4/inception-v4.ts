/** Inception v4: Szegedy et al. 2016 (arXiv:1602.07261). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { noting } from "../layers/block-stages.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { inceptionArgs, inceptionConv } from "../layers/inception.ts";
import { oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";
import { inceptionA, inceptionB, inceptionC, reductionA, reductionB, stemParts } from "./blocks.ts";

const args = { ...inceptionArgs, output_stride: oneOf([32], 32, "the stride of the last stage") };

const repeat = (n: number, module: Module): Module[] => Array<Module>(n).fill(module);

/** Indices of the layers that are features. */
const ends = [2, 3, 9, 17, 21];

export default defineFamily({
  name: "inception_v4",
  paper: "https://arxiv.org/abs/1602.07261",
  args,
  variants: { inception_v4: {} },
  refuse: refuseUnpooled,
  groups: () => [stemGroup(/features\.[012]\./), blockGroup(/features\.(\d+)/)],
  build: (s, input, c) => {
    const conv = inceptionConv(c);
    const layers = [
      conv(32, 3, { stride: 2 }),
      conv(32, 3),
      conv(64, 3, { padding: 1 }),
      ...stemParts(conv),
      ...repeat(4, inceptionA(conv)),
      reductionA(conv),
      ...repeat(7, inceptionB(conv)),
      reductionB(conv),
      ...repeat(3, inceptionC(conv)),
    ];
    const outputs: Value[] = [];
    const x = s.call("features", noting(layers, outputs), input);
    const stages = ends.map((layer, i): Stage => {
      return { module: `features.${layer}`, value: outputs[layer] ?? x, reduction: 2 ** (i + 1), format: "NCHW" };
    });
    const head = poolAndClassify(s, x, c.global_pool, c.num_classes, "last_linear");
    return { forwardFeatures: [x], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
