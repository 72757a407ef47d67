/** The image encoder of Segment Anything: Kirillov et al. 2023 (arXiv:2304.02643), a ViTDet (2203.16527). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { noting } from "../layers/block-stages.ts";
import { callHead, classifierHead, normMlpHead } from "../layers/classifier-head.ts";
import { type Pair, conv2d } from "../layers/conv.ts";
import { channelsLast, layerNorm } from "../layers/norm.ts";
import { patchEmbed } from "../layers/patch-embed.ts";
import { only, rename } from "../remap/steps.ts";
import type { Module, Scope } from "../scope.ts";
import { samBlock, samNorm } from "./block.ts";
import { type SamConfig, args, refuse } from "./config.ts";

type Row = Partial<SamConfig>;

const norm2d = channelsLast(layerNorm(1e-6));
const toNchw = (s: Scope, x: Value): Value => s.transpose(x, { perm: [0, 3, 1, 2] });

/** Positions [1, rows, columns, C], interpolated to the map. */
const positions =
  (c: SamConfig, native: Pair): Module =>
  (s, x) => {
    if (!c.use_abs_pos) return x;
    const [, h = 1, w = 1] = x.type.shape;
    const table = s.param("pos_embed", [1, ...native, c.embed_dim]);
    if (h === native[0] && w === native[1]) return s.add(x, table);
    return s.add(x, s.resize(table, { axes: [1, 2], size: [h, w], mode: "cubic", antialias: true }));
  };

function neck(c: SamConfig): Module | undefined {
  const channels = c.neck_chans;
  if (!channels) return c.head_hidden_size ? undefined : norm2d;
  const convs = [conv2d(channels), norm2d, conv2d(channels, { kernel: 3, padding: 1 }), norm2d];
  return (s, x) => s.sequence(x, convs);
}

const common: Row = { use_rel_pos: true };
const every = (step: number, depth: number): readonly number[] =>
  Array.from({ length: depth / step }, (_, i) => (i + 1) * step - 1);
const base: Row = { ...common, global_attn_indexes: every(3, 12) };

export default defineFamily({
  name: "vision_transformer_sam",
  paper: "https://arxiv.org/abs/2304.02643",
  args,
  variants: {
    samvit_base_patch16: base,
    samvit_large_patch16: {
      ...common,
      embed_dim: 1024,
      depth: 24,
      num_heads: 16,
      global_attn_indexes: every(6, 24),
    },
    samvit_huge_patch16: {
      ...common,
      embed_dim: 1280,
      depth: 32,
      num_heads: 16,
      global_attn_indexes: every(8, 32),
    },
    samvit_base_patch16_224: { ...base, use_abs_pos: false, img_size: [224, 224], neck_chans: undefined },
  },
  lastStages: 3,
  refuse,
  groups: () => [stemGroup(/pos_embed|patch_embed/), blockGroup(/blocks\.(\d+)/), blockGroup(/norm/, "last")],
  remap: () => ({
    layouts: [
      {
        name: "Segment Anything",
        when: (file) => file.has("image_encoder.patch_embed.proj.weight"),
        steps: [only("image_encoder."), rename(/mlp\.lin/, "mlp.fc")],
      },
    ],
    tail: [],
  }),
  build: (s, image, c) => {
    const native: Pair = [Math.floor(c.img_size[0] / c.patch_size[0]), Math.floor(c.img_size[1] / c.patch_size[1])];
    const embed = patchEmbed({ patch: c.patch_size, width: c.embed_dim, bias: !c.pre_norm, format: "NHWC" });
    const embedded = positions(c, native)(s, s.call("patch_embed", embed, image));
    const outputs: Value[] = [];
    const blocks = Array.from({ length: c.depth }, (_, i) => samBlock(c, c.global_attn_indexes.includes(i), native));
    const map = s.chain(embedded, { norm_pre: c.pre_norm ? samNorm : undefined, blocks: noting(blocks, outputs) });
    const end = neck(c);
    const features = s.chain(toNchw(s, map), { neck: end });
    const options = { classes: c.num_classes, pool: c.global_pool };
    const classify = c.head_hidden_size
      ? normMlpHead({ ...options, norm: norm2d, hidden: c.head_hidden_size })
      : classifierHead(options);
    const head = callHead(s, "head", classify, features);
    const stages = outputs.map((x, i): Stage => {
      const value = toNchw(s, x);
      return {
        module: `blocks.${i}`,
        value,
        reduction: Math.max(...c.patch_size),
        format: "NCHW",
        intermediate: (wanted) =>
          wanted && end !== undefined ? { value: end(s.at("neck"), value), normed: true } : { value, normed: false },
      };
    });
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
