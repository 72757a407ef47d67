/** TNT: Han et al. 2021, "Transformer in transformer" (arXiv:2103.00112). */
import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { commonArgs } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { blockStages } from "../layers/block-stages.ts";
import { type Pair, conv2d } from "../layers/conv.ts";
import { multiHeadMix } from "../layers/attention.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { needSize } from "../layers/patch-embed.ts";
import { split } from "../layers/split.ts";
import { poolAndHead, tokenPool } from "../layers/token-head.ts";
import { dropTokens } from "../layers/tokens.ts";
import { type ConfigOf, bool, classOnly, dropRates, dropout, int, number, pair } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import { remap } from "./remap.ts";

const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  patch_size: pair(16, "pixels of a patch"),
  global_pool: tokenPool("token"),
  embed_dim: int(768, "width of a patch", { min: 1 }),
  inner_dim: int(48, "width of a pixel", { min: 1 }),
  depth: int(12, "number of blocks", { min: 0 }),
  num_heads_inner: int(4, "attention heads of the pixels", { min: 1 }),
  num_heads_outer: int(12, "attention heads of the patches", { min: 1 }),
  mlp_ratio: number(4, "width inside an MLP of the patches per width of a patch", { min: 0 }),
  qkv_bias: bool(false, "biases of queries, keys and values"),
  first_stride: int(4, "image pixels per pixel of a patch", { min: 1 }),
  legacy: bool(false, "the first published form: pixels of the whole image, and a norm of each"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  pos_drop_rate: dropout("dropout after the position embeddings; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
};

type TntConfig = ConfigOf<typeof args>;

const norm = layerNorm(1e-5);

/** Rows and columns of patches. */
export const gridOf = ({
  img_size: [h, w],
  patch_size: [ph, pw],
}: Pick<TntConfig, "img_size" | "patch_size">): Pair => [Math.floor(h / ph), Math.floor(w / pw)];

/** Rows and columns of pixels in a patch. */
const pixelsOf = (c: TntConfig): Pair => [
  Math.ceil(c.patch_size[0] / c.first_stride),
  Math.ceil(c.patch_size[1] / c.first_stride),
];

/** A map [N, C, rows h, columns w] as patches [N rows columns, C, h, w]; what exceeds whole patches is left out. */
function unfold(s: Scope, x: Value, [rows, columns]: Pair, [h, w]: Pair): Value {
  const [n = 1, channels = 1] = x.type.shape;
  const whole = s.slice(s.slice(x, { axis: 2, range: [0, rows * h] }), { axis: 3, range: [0, columns * w] });
  const cells = s.reshape(whole, { shape: [n, channels, rows, h, columns, w] });
  const patches = s.transpose(cells, { perm: [0, 2, 4, 1, 3, 5] });
  return s.reshape(patches, { shape: [mulDim(n, rows * columns), channels, h, w] });
}

/** Pixels [N patches, pixels, inner_dim] with their positions (section 2.2). */
const pixelEmbed =
  (c: TntConfig, positions: Value): Module =>
  (s, x) => {
    needSize(x, c.img_size);
    const conv = conv2d(c.inner_dim, { kernel: 7, stride: c.first_stride, padding: 3, bias: true });
    const [h, w] = pixelsOf(c);
    const map = c.legacy
      ? unfold(s, s.call("proj", conv, x), gridOf(c), [h, w])
      : s.call("proj", conv, unfold(s, x, gridOf(c), c.patch_size));
    const placed = s.add(map, positions);
    const [n = 1] = placed.type.shape;
    return s.transpose(s.reshape(placed, { shape: [n, c.inner_dim, h * w] }), { perm: [0, 2, 1] });
  };

const attention =
  (heads: number, bias: boolean): Module =>
  (s, x) => {
    const width = s.features(x);
    const [q, k] = split(s, s.call("qk", linear(2 * width, { bias }), x), [width, width]);
    const v = s.call("v", linear(width, { bias }), x);
    return s.call("proj", linear(width), multiHeadMix(s, [q, k, v], { heads }));
  };

/** Eq. 4 to 7: pixels attend within their patch, join it, and patches attend to each other. */
function block(s: Scope, pixels: Value, patches: Value, c: TntConfig): readonly [Value, Value] {
  const inner = mlp(4 * c.inner_dim);
  const attended = s.add(pixels, s.chain(pixels, { norm_in: norm, attn_in: attention(c.num_heads_inner, c.qkv_bias) }));
  const x = s.add(attended, s.chain(attended, { norm_mlp_in: norm, mlp_in: inner }));
  const [n = 1, length = 1] = patches.type.shape;
  const count = s.static(length, "the number of patches") - 1;
  const joined = (y: Value): Value =>
    s.reshape(y, { shape: [n, count, s.static(mulDim(y.type.shape[1] ?? 1, c.inner_dim), "a patch's pixels")] });
  const proj = linear(c.embed_dim, { bias: c.legacy });
  const projected = c.legacy
    ? s.call("proj", proj, joined(s.call("norm1_proj", norm, x)))
    : s.chain(joined(x), { norm1_proj: norm, proj, norm2_proj: norm });
  const y = s.concat([s.slice(patches, { axis: 1, range: [0, 1] }), s.add(dropTokens(s, patches, 1), projected)], {
    axis: 1,
  });
  const z = s.add(y, s.chain(y, { norm_out: norm, attn_out: attention(c.num_heads_outer, c.qkv_bias) }));
  const hidden = Math.trunc(c.embed_dim * c.mlp_ratio) || c.embed_dim;
  return [x, s.add(z, s.chain(z, { norm_mlp: norm, mlp: mlp(hidden) }))];
}

const small = { embed_dim: 384, inner_dim: 24, num_heads_outer: 6 };

export default defineFamily({
  name: "tnt",
  paper: "https://arxiv.org/abs/2103.00112",
  args,
  variants: {
    tnt_s_legacy_patch16_224: { ...small, legacy: true },
    tnt_s_patch16_224: small,
    tnt_b_patch16_224: { embed_dim: 640, inner_dim: 40, num_heads_outer: 10 },
  },
  lastStages: 3,
  refuse: (c) =>
    c.embed_dim % c.num_heads_outer !== 0 || c.inner_dim % c.num_heads_inner !== 0
      ? "num_heads_outer must divide embed_dim, and num_heads_inner inner_dim"
      : undefined,
  fixedSize: () => "patch_pos is added as it is: a row for every patch of img_size",
  groups: () => [
    stemGroup(/cls_token|patch_pos|pixel_pos|pixel_embed|norm[12]_proj|proj/),
    blockGroup(/blocks\.(\d+)/),
    blockGroup(/norm/, "last"),
  ],
  remap: (c) => remap(gridOf(c)),
  build: (s, image, c) => {
    const grid = gridOf(c);
    const count = grid[0] * grid[1];
    const batch = image.type.shape[0] ?? 1;
    const positions = s.param("pixel_pos", [1, c.inner_dim, ...pixelsOf(c)]);
    let pixels = s.call("pixel_embed", pixelEmbed(c, positions), image);
    const [, inPatch = 1] = pixels.type.shape;
    const width = s.static(mulDim(inPatch, c.inner_dim), "a patch's pixels");
    const embedded = s.chain(s.reshape(pixels, { shape: [batch, count, width] }), {
      norm1_proj: norm,
      proj: linear(c.embed_dim),
      norm2_proj: norm,
    });
    const token = s.expand(s.param("cls_token", [1, 1, c.embed_dim]), { shape: [batch, 1, c.embed_dim] });
    const table = s.param("patch_pos", [1, count + 1, c.embed_dim]);
    let patches: Value = s.add(s.concat([token, embedded], { axis: 1 }), table);
    const outputs: Value[] = [];
    for (let i = 0; i < c.depth; i++) {
      patches = s.at("blocks").call(
        i,
        (t, y) => {
          const [inner, outer] = block(t, pixels, y, c);
          pixels = inner;
          return outer;
        },
        patches,
      );
      outputs.push(patches);
    }
    const tokens = s.call("norm", norm, patches);
    const head = poolAndHead(s, tokens, c.global_pool, c.num_classes);
    const stages = blockStages(s, outputs, {
      grid,
      reduction: Math.max(...c.patch_size),
      prefix: 1,
      norm: { path: "norm", module: norm },
    });
    return { forwardFeatures: [tokens], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NLC" };
  },
});
