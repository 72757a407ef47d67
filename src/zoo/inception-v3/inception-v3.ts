/** Inception v3: Szegedy et al. 2015 (arXiv:1512.00567). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { poolAndClassify, refuseUnpooled } from "../layers/classifier.ts";
import { type InceptionConv, halvingPool, inceptionArgs, inceptionConv } from "../layers/inception.ts";
import { bool } from "../schema.ts";
import type { Module } from "../scope.ts";
import { auxiliary, inceptionA, inceptionB, inceptionC, inceptionD, inceptionE } from "./blocks.ts";

const args = { ...inceptionArgs, aux_logits: bool(false, "the second classifier, which training uses") };

/** Table 1 of the paper in order; the auxiliary classifier stands before Mixed_7a. */
const layers = (conv: InceptionConv): Readonly<Record<string, Module>> => ({
  Conv2d_1a_3x3: conv(32, 3, { stride: 2 }),
  Conv2d_2a_3x3: conv(32, 3),
  Conv2d_2b_3x3: conv(64, 3, { padding: 1 }),
  Pool1: halvingPool,
  Conv2d_3b_1x1: conv(80),
  Conv2d_4a_3x3: conv(192, 3),
  Pool2: halvingPool,
  Mixed_5b: inceptionA(conv, 32),
  Mixed_5c: inceptionA(conv, 64),
  Mixed_5d: inceptionA(conv, 64),
  Mixed_6a: inceptionB(conv),
  Mixed_6b: inceptionC(conv, 128),
  Mixed_6c: inceptionC(conv, 160),
  Mixed_6d: inceptionC(conv, 160),
  Mixed_6e: inceptionC(conv, 192),
  Mixed_7a: inceptionD(conv),
  Mixed_7b: inceptionE(conv),
  Mixed_7c: inceptionE(conv),
});

const ends = ["Conv2d_2b_3x3", "Conv2d_4a_3x3", "Mixed_5d", "Mixed_6e", "Mixed_7c"];

/** Every mixed layer is a group. */
const mixed = ["5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"];

export default defineFamily({
  name: "inception_v3",
  paper: "https://arxiv.org/abs/1512.00567",
  args,
  variants: { inception_v3: {} },
  refuse: (c) => (c.aux_logits && c.num_classes === 0 ? "aux_logits needs classes" : refuseUnpooled(c)),
  groups: () => [
    stemGroup(/Conv2d_[12]/),
    blockGroup(/Conv2d_[34]/, 1),
    ...mixed.map((name, i) => blockGroup(new RegExp(`Mixed_${name}\\.`), i < 8 ? i + 2 : i + 3)),
    blockGroup(/AuxLogits/, 10),
  ],
  build: (s, input, c) => {
    const conv = inceptionConv(c);
    const stages: Stage[] = [];
    const refused = c.aux_logits ? { refused: "timm has no features together with aux_logits" } : {};
    let x = input;
    let aux: Value | undefined;
    for (const [name, layer] of Object.entries(layers(conv))) {
      if (name === "Mixed_7a" && c.aux_logits) aux = s.call("AuxLogits", auxiliary(conv, c.num_classes), x);
      x = s.call(name, layer, x);
      const index = ends.indexOf(name);
      if (index >= 0) stages.push({ module: name, value: x, reduction: 2 ** (index + 1), format: "NCHW", ...refused });
    }
    const head = poolAndClassify(s, x, c.global_pool, c.num_classes);
    const both = (value: Value): Value[] => (aux === undefined ? [value] : [value, aux]);
    return {
      forwardFeatures: both(x),
      preLogits: [head.preLogits],
      logits: both(head.logits),
      stages,
      format: "NCHW",
    };
  },
});
