/** ViTamin: Chen et al. 2024, "Designing scalable vision models in the vision-language era" (arXiv:2404.02132). */
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { hybridPatches } from "../layers/hybrid-embed.ts";
import { channelsLast, layerNorm } from "../layers/norm.ts";
import { avgPool } from "../layers/pool.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { type ConfigOf, internal } from "../schema.ts";
import type { Module } from "../scope.ts";
import { args as vitArgs, refuse } from "../vision-transformer/config.ts";
import { buildVisionTransformer } from "../vision-transformer/model.ts";
import { remap } from "../vision-transformer/remap.ts";

/** Widths of the two convolutional stages. */
type Widths = readonly [number, number];

const args = { ...vitArgs, embed_cfg: internal<Widths>([64, 128]) };

type VitaminConfig = ConfigOf<typeof args>;
type Row = Partial<VitaminConfig>;

const norm = channelsLast(layerNorm(1e-6));
/** timm's norm and activation in one, which keeps the epsilon of 1e-6 here. */
const normAct: Module = (s, x) => s.call("act", act("gelu"), norm(s, x));

const stem =
  (width: number): Module =>
  (s, x) =>
    s.chain(x, {
      conv1: conv2d(width, { kernel: 3, stride: 2, bias: true }),
      norm1: normAct,
      conv2: conv2d(width, { kernel: 3, bias: true }),
    });

/** Section 3.3: an inverted residual with one norm, at its start. */
const invertedResidual =
  (width: number, stride: 1 | 2): Module =>
  (s, x) => {
    const changes = x.type.shape[1] !== width;
    const conv = conv2d(width, { bias: true });
    const pooled: Module = (t, y) =>
      t.chain(y, {
        pool: avgPool(3, { stride: 2, padding: 1, countPad: false }),
        expand: changes ? conv : undefined,
      });
    const shortcut = s.chain(x, { shortcut: stride === 2 ? pooled : changes ? conv : undefined });
    const y = s.chain(x, {
      pre_norm: norm,
      conv1_1x1: conv2d(makeDivisible(4 * width), { bias: true }),
      act1: act("gelu"),
      conv2_kxk: depthwise({ kernel: 3, stride, bias: true }),
      act2: act("gelu"),
      conv3_1x1: conv,
    });
    return s.add(y, shortcut);
  };

const depths = [2, 4] as const;

const backbone =
  ([first, second]: Widths, width: number): Module =>
  (s, x) => {
    const stages = [first, second].map(
      (out, i): Module =>
        (t, y) =>
          t.sequence(
            y,
            Array.from({ length: depths[i] ?? 0 }, (_, j) => invertedResidual(out, j === 0 ? 2 : 1)),
          ),
    );
    return s.chain(x, {
      stem: stem(first),
      stages: (t, y) => t.sequence(y, stages),
      pool: (t, y) => t.chain(y, { norm, proj: conv2d(width, { kernel: 3, stride: 2, padding: 1, bias: true }) }),
    });
  };

const common: Row = { patch_size: [1, 1], mlp_layer: "geglu", mlp_ratio: 2, class_token: false, global_pool: "avg" };
const small: Row = { ...common, embed_dim: 384, depth: 14, num_heads: 6, embed_cfg: [64, 128] };
const base: Row = { ...common, embed_dim: 768, depth: 14, num_heads: 12, embed_cfg: [128, 256] };
const large: Row = { ...common, embed_dim: 1024, depth: 31, num_heads: 16, embed_cfg: [160, 320] };
const xlarge: Row = {
  ...common,
  embed_dim: 1152,
  depth: 32,
  num_heads: 16,
  embed_cfg: [192, 384],
  pos_embed: "none",
};
const at = (pixels: number, row: Row): Row => ({ ...row, img_size: [pixels, pixels] });

export default defineFamily<typeof args>({
  name: "vitamin",
  paper: "https://arxiv.org/abs/2404.02132",
  args,
  variants: {
    vitamin_small_224: small,
    vitamin_base_224: base,
    vitamin_large_224: large,
    vitamin_large_256: at(256, large),
    vitamin_large_336: at(336, large),
    vitamin_large_384: at(384, large),
    vitamin_large2_224: large,
    vitamin_large2_256: at(256, large),
    vitamin_large2_336: at(336, large),
    vitamin_large2_384: at(384, large),
    vitamin_xlarge_256: at(256, xlarge),
    vitamin_xlarge_336: at(336, xlarge),
    vitamin_xlarge_384: at(384, xlarge),
  },
  lastStages: 3,
  refuse: (c, given) => {
    if (given.has("patch_size") && c.patch_size.some((p) => p !== 1))
      return "the convolutions make the patches: patch_size must be 1";
    if (c.dynamic_img_pad) return "dynamic_img_pad=true has no patches to complete here";
    if (given.has("embed_dim")) return "embed_dim must be the width that the convolutions end with";
    return refuse(c);
  },
  groups: () => [
    stemGroup(/cls_token|reg_token|pos_embed|patch_embed/),
    blockGroup(/blocks\.(\d+)/),
    blockGroup(/norm/, "last"),
  ],
  remap: (c) => {
    const [h, w] = c.img_size;
    return remap({ ...c, img_size: [Math.ceil(h / 16), Math.ceil(w / 16)] });
  },
  build: (s, image, c) =>
    buildVisionTransformer(
      s,
      image,
      c,
      hybridPatches(image, {
        backbone: backbone(c.embed_cfg, c.embed_dim),
        ratio: 16,
        rounding: "up",
        patch: c.patch_size,
        size: c.img_size,
        width: undefined,
        bias: true,
        strict: !c.dynamic_img_size && c.pos_embed === "learn",
        map: c.dynamic_img_size,
      }),
    ),
});
