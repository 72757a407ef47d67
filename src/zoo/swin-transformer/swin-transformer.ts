/** Swin Transformer: Liu et al. 2021 (arXiv:2103.14030), and the searched S3 variants (arXiv:2111.14725). */
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import type { Stage } from "../family.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { linear } from "../layers/linear.ts";
import { patchEmbed } from "../layers/patch-embed.ts";
import { quadrants } from "../layers/patch-merging.ts";
import { stagewise } from "../schema.ts";
import type { Module } from "../scope.ts";
import { type Place, swinBlock, swinNorm } from "./block.ts";
import { type SwinConfig, args } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";
import { resolution, windows } from "./windows.ts";

/** 2x2 neighbours side by side, column by column, and a linear layer over them (section 3.1). */
const patchMerging =
  (out: number): Module =>
  (s, x) =>
    s.chain(quadrants(s, x), { norm: swinNorm, reduction: linear(out, { bias: false }) });

function refuse(c: SwinConfig): string | undefined {
  const stages = c.depths.length;
  const lists = { num_heads: c.num_heads, head_dim: c.head_dim, mlp_ratio: c.mlp_ratio };
  for (const [name, list] of Object.entries(lists))
    if (Array.isArray(list) && list.length < stages) return `${name} has ${list.length} entries for ${stages} stages`;
  if (typeof c.window_size === "number") return undefined;
  if (c.window_size.length === 2 && c.window_size.some((v) => typeof v !== "number"))
    return "two windows are read as the height and width of one: write numbers";
  if (c.window_size.length !== 2 && c.window_size.length !== stages)
    return `window_size has ${c.window_size.length} entries for ${stages} stages`;
  return undefined;
}

const stageModule =
  (c: SwinConfig, stage: number, place: Omit<Place, "shifted">): Module =>
  (s, x) => {
    const downsample = stage > 0 ? patchMerging(c.embed_dim * 2 ** stage) : undefined;
    const blocks = Array.from({ length: c.depths[stage] ?? 0 }, (_, i) =>
      swinBlock(c, { ...place, shifted: i % 2 === 1 }),
    );
    return s.chain(x, { downsample, blocks: (t, y) => t.sequence(y, blocks) });
  };

export default defineFamily({
  name: "swin_transformer",
  paper: "https://arxiv.org/abs/2103.14030",
  args,
  variants,
  refuse,
  groups: (coarse) => [
    stemGroup(/patch_embed/),
    ...(coarse
      ? [blockGroup(/layers\.(\d+)/)]
      : [
          blockGroup(/layers\.(\d+).downsample/, "first"),
          blockGroup(/layers\.(\d+)\.\w+\.(\d+)/),
          blockGroup(/norm/, "last"),
        ]),
  ],
  remap,
  build: (s, input, c) => {
    const count = c.depths.length;
    const window = windows(c);
    const headDim = stagewise(c.head_dim, count);
    const mlpRatio = stagewise(c.mlp_ratio, count);
    const embed = patchEmbed({
      patch: [c.patch_size, c.patch_size],
      width: c.embed_dim,
      norm: swinNorm,
      format: "NHWC",
      size: c.strict_img_size ? c.img_size : undefined,
    });
    const stages: Stage[] = [];
    const layers: Module = (t, embedded) =>
      c.depths.reduce((x, _, i) => {
        const value = t.call(
          i,
          stageModule(c, i, {
            resolution: resolution(c, i),
            heads: c.num_heads[i] ?? 1,
            headDim: headDim[i],
            mlpRatio: mlpRatio[i] ?? 4,
            window: window[i] ?? [7, 7],
          }),
          x,
        );
        stages.push({
          module: `layers.${i}`,
          value,
          reduction: c.patch_size * 2 ** i,
          format: "NHWC",
          intermediate: normedAtEnd(s, value, i === count - 1 ? { path: "norm", module: swinNorm } : undefined),
        });
        return value;
      }, embedded);
    const features = s.chain(input, { patch_embed: embed, layers, norm: swinNorm });
    const head = callHead(
      s,
      "head",
      classifierHead({ classes: c.num_classes, pool: c.global_pool, format: "NHWC" }),
      features,
    );
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NHWC" };
  },
});
