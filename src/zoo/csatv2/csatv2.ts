/** CSATv2: DCT coefficients of 8x8 pixels instead of a learned stem, spatial attention in every convolutional block. */
import { defineFamily } from "../define-family.ts";
import { type Stage, commonArgs, globalPool } from "../family.ts";
import { halvingStages } from "../layers/block-stages.ts";
import { callHead, normMlpHead } from "../layers/classifier-head.ts";
import { conv2d } from "../layers/conv.ts";
import { channelsLast, layerNorm } from "../layers/norm.ts";
import { type ConfigOf, dropRates, ignored, inert, ints, number, optional } from "../schema.ts";
import type { Module } from "../scope.ts";
import { convBlock, transformerBlock } from "./blocks.ts";
import { dctStem } from "./dct-stem.ts";
import { remap } from "./remap.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  transformer_drop_path: inert("stochastic depth; no effect at inference"),
  global_pool: globalPool(),
  dims: ints([32, 72, 168, 386], "channels of each stage", { min: 1, length: 4 }),
  depths: ints([2, 2, 8, 6], "blocks of each stage", { min: 0, length: 4 }),
  transformer_depths: ints([0, 0, 2, 2], "how many of the last blocks of each stage are transformer blocks", {
    min: 0,
    length: 4,
  }),
  ls_init_value: optional(number(1e-5, "initial layer scale; none without it", { min: 0 })),
  img_size: ignored("height and width of the input"),
  output_stride: ignored("the stride of the last stage"),
  act_layer: ignored("the activation"),
};

type Config = ConfigOf<typeof args>;

const norm = channelsLast(layerNorm(1e-6));

/** A strided convolution behind the first stage, the blocks, a norm before the last stage. */
const stage =
  (c: Config, i: number): Module =>
  (s, x) => {
    const [dim = 0, depth = 0, transformers = 0] = [c.dims[i], c.depths[i], c.transformer_depths[i]];
    const scaled = (c.ls_init_value ?? 0) !== 0;
    return s.sequence(x, [
      ...(i === 0 ? [] : [conv2d(dim, { kernel: 2, stride: 2, padding: 0, bias: true })]),
      ...Array<Module>(depth - transformers).fill(convBlock(scaled)),
      ...Array<Module>(transformers).fill(transformerBlock(scaled)),
      ...(i < 3 ? [norm] : []),
    ]);
  };

export default defineFamily({
  name: "csatv2",
  paper: "https://huggingface.co/Hyunil/CSATv2",
  args,
  lastStages: 4,
  variants: {
    csatv2: {},
    csatv2_21m: { dims: [48, 96, 224, 448], depths: [3, 3, 10, 8], transformer_depths: [0, 0, 4, 3] },
  },
  refuse: (c) => {
    if (c.in_chans !== 3) return `in_chans=${c.in_chans}: the DCT stem takes the three channels of RGB`;
    if ((c.dims[0] ?? 0) % 8 !== 0) return `dims: ${c.dims[0]} channels cannot be split 6:1:1 over Y, Cb and Cr`;
    if (c.transformer_depths.some((n, i) => n > (c.depths[i] ?? 0))) return "transformer_depths exceed depths";
    return c.global_pool.endsWith("catavgmax")
      ? `global_pool=${c.global_pool} doubles the channels, and the head's norm takes those of the last stage`
      : undefined;
  },
  /** timm names no groups for it: all parameters are one. */
  groups: () => [],
  remap: () => remap,
  build: (s, input, c) => {
    const stem = s.call("stem_dct", dctStem(c.dims[0] ?? 0), input);
    const stages: Stage[] = [{ module: "stem_dct", value: stem, reduction: 8, format: "NCHW" }];
    const trunk = halvingStages(
      c.dims.map((_, i) => stage(c, i)),
      stages,
      8,
    );
    const features = s.call("stages", trunk, stem);
    const head = normMlpHead({ classes: c.num_classes, pool: c.global_pool, norm });
    const { preLogits, logits } = callHead(s, "head", head, features);
    return { forwardFeatures: [features], preLogits: [preLogits], logits: [logits], stages, format: "NCHW" };
  },
});
