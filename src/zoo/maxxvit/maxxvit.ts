/** CoAtNet: Dai et al. 2021 (arXiv:2106.04803); MaxViT: Tu et al. 2022 (2204.01697); and timm's own of ConvNeXt blocks. */
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { callHead, classifierHead, normMlpHead } from "../layers/classifier-head.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { norm } from "../layers/norm.ts";
import { relativeBiasToModel } from "../remap/relative-bias.ts";
import type { Remap } from "../remap/remap.ts";
import { reshapeToModel } from "../remap/steps.ts";
import type { Module } from "../scope.ts";
import { parallelAttention, partitionAttention, transformerBlock2d } from "./attention.ts";
import { type BlockType, type MaxxVitConfig, args, mapOf, partition, refuse, typesOf } from "./config.ts";
import { convBlock, stem } from "./conv.ts";
import { variants } from "./variants.ts";

/** Attention blocks work on NHWC maps. */
const onChannelsLast =
  (steps: Readonly<Record<string, Module | undefined>>): Module =>
  (s, x) =>
    s.transpose(s.chain(s.transpose(x, { perm: [0, 2, 3, 1] }), steps), { perm: [0, 3, 1, 2] });

function blockOf(c: MaxxVitConfig, type: BlockType, stage: number, stride: 1 | 2): Module {
  const width = c.embed_dim[stage] ?? 1;
  const conv = convBlock(c, width, stride);
  switch (type) {
    case "C":
      return conv;
    case "T":
      return transformerBlock2d(c, width, stride, mapOf(c, stage));
    case "M":
      return (s, x) => {
        const attend = onChannelsLast({
          attn_block: c.transformer_no_block_attn ? undefined : partitionAttention(c, false),
          attn_grid: partitionAttention(c, true),
        });
        return attend(s, s.call("conv", conv, x));
      };
    case "PM":
      return (s, x) => {
        const convs: Module = (t, y) => t.sequence(y, [conv, convBlock(c, width, 1)]);
        return onChannelsLast({ attn: parallelAttention(c) })(s, s.call("conv", convs, x));
      };
    default:
      return type satisfies never;
  }
}

/** Whole maps of a stage in CoAtNet, windows in MaxViT. */
const remap = (c: MaxxVitConfig): Remap => ({
  layouts: [],
  tail: [
    relativeBiasToModel(/relative_position_bias_table$/, (name) => {
      const [, stage, , block] = name.split(".").map(Number);
      return typesOf(c, stage ?? 0)[block ?? 0] === "T" ? mapOf(c, stage ?? 0) : partition(c);
    }),
    reshapeToModel(/./),
  ],
});

export default defineFamily({
  name: "maxxvit",
  paper: "https://arxiv.org/abs/2204.01697",
  args,
  variants,
  refuse,
  fixedSize: (c) =>
    c.transformer_rel_pos_type !== "" && c.depths.some((_, i) => typesOf(c, i).includes("T"))
      ? "attention over whole maps has rel_pos of the positions of img_size"
      : undefined,
  groups: () => [stemGroup(/stem/), blockGroup(/stages\.(\d+)/), blockGroup(/norm/, "last")],
  remap,
  build: (s, image, c) => {
    const finalNorm = norm(c.transformer_norm_layer, c.transformer_norm_eps);
    const final = c.head_hidden_size ? undefined : { path: "norm", module: finalNorm };
    const first = s.call("stem", stem(c), image);
    const stages: Stage[] = [{ module: "stem", value: first, reduction: 2, format: "NCHW" }];
    const last = c.depths.length - 1;
    const all: Module = (t, embedded) =>
      c.depths.reduce((x, _, i) => {
        const blocks = typesOf(c, i).map((type, j) => blockOf(c, type, i, j === 0 ? 2 : 1));
        const value = t.call(i, (u, y) => u.call("blocks", (v, z) => v.sequence(z, blocks), y), x);
        const intermediate = normedAtEnd(s, value, i === last ? final : undefined);
        stages.push({ module: `stages.${i}`, value, reduction: 4 * 2 ** i, format: "NCHW", intermediate });
        return value;
      }, embedded);
    const features = s.chain(first, { stages: all, norm: final?.module });
    const options = { classes: c.num_classes, pool: c.global_pool };
    const classify = c.head_hidden_size
      ? normMlpHead({ ...options, norm: finalNorm, hidden: c.head_hidden_size })
      : classifierHead(options);
    const head = callHead(s, "head", classify, features);
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
