/** VOLO: Yuan et al. 2021, "Vision outlooker for visual recognition" (arXiv:2106.13112). */
import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { fixed, refuseFixed } from "../fixed.ts";
import { blockGroup, laterBlockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { attention, multiHeadMix } from "../layers/attention.ts";
import { fullyConnected } from "../layers/classifier.ts";
import { conv2d } from "../layers/conv.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { batchNorm, layerNorm } from "../layers/norm.ts";
import { split } from "../layers/split.ts";
import { dropTokens, tokenAt } from "../layers/tokens.ts";
import { stagewise } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import { type VoloConfig, args, refuse } from "./config.ts";
import { outlookAttention } from "./outlook.ts";

type Row = Partial<VoloConfig>;

const norm = layerNorm(1e-5);

const hidden = (c: VoloConfig, stage: number): number => {
  const width = c.embed_dims[stage] ?? 1;
  return Math.trunc(width * (stagewise(c.mlp_ratio, 4)[stage] ?? 3)) || width;
};

/** Three convolutions, then patches of what they leave. */
const patches =
  (c: VoloConfig): Module =>
  (s, x) => {
    const conv = (kernel: 3 | 7, stride: number): Module[] => [
      conv2d(c.stem_hidden_dim, { kernel, stride, padding: (kernel - 1) / 2 }),
      batchNorm(),
      act("relu"),
    ];
    const steps = [...conv(7, 2), ...conv(3, 1), ...conv(3, 1)];
    const size = c.patch_size / 2;
    const proj = conv2d(c.embed_dims[0] ?? 1, { kernel: size, stride: size, padding: 0, bias: true });
    return s.chain(x, { conv: (t, y) => t.sequence(y, steps), proj });
  };

/** Self-attention over the positions of [N, H, W, C]. */
const mapAttention =
  (c: VoloConfig, stage: number): Module =>
  (s, x) => {
    const [n = 1, h = 1, w = 1, channels = 1] = x.type.shape;
    const tokens = s.reshape(x, { shape: [n, mulDim(h, w), channels] });
    const attend = attention({ heads: c.num_heads[stage] ?? 1, qkvBias: c.qkv_bias });
    return s.reshape(attend(s, tokens), { shape: x.type.shape });
  };

const block =
  (c: VoloConfig, stage: number): Module =>
  (s, x) => {
    const attn = stage === 0 ? outlookAttention(c.num_heads[0] ?? 1, c.qkv_bias) : mapAttention(c, stage);
    const y = s.add(x, s.chain(x, { norm1: norm, attn }));
    return s.add(y, s.chain(y, { norm2: norm, mlp: mlp(hidden(c, stage)) }));
  };

const halve =
  (width: number): Module =>
  (s, x) => {
    const map = s.transpose(x, { perm: [0, 3, 1, 2] });
    const conv = conv2d(width, { kernel: 2, stride: 2, padding: 0, bias: true });
    return s.transpose(s.call("proj", conv, map), { perm: [0, 2, 3, 1] });
  };

/** The class token attends to all. */
const classAttention =
  (c: VoloConfig): Module =>
  (s, x) => {
    const width = s.features(x);
    const heads = c.num_heads[3] ?? 1;
    const bias = c.qkv_bias;
    const [k, v] = split(s, s.call("kv", linear(2 * width, { bias }), x), [width, width]);
    const q = s.call("q", linear(width, { bias }), s.slice(x, { axis: 1, range: [0, 1] }));
    return s.call("proj", linear(width), multiHeadMix(s, [q, k, v], { heads }));
  };

const classBlock =
  (c: VoloConfig): Module =>
  (s, x) => {
    const token = s.slice(x, { axis: 1, range: [0, 1] });
    const y = s.add(token, s.chain(x, { norm1: norm, attn: classAttention(c) }));
    const z = s.add(y, s.chain(y, { norm2: norm, mlp: mlp(hidden(c, 3)) }));
    return s.concat([z, dropTokens(s, x, 1)], { axis: 1 });
  };

/** Outlookers, a reduction, three stages of transformers: the maps [N, H, W, C] of the four stages. */
function encode(s: Scope, image: Value, c: VoloConfig): readonly { readonly place: number; readonly map: Value }[] {
  const network = s.at("network");
  const stack =
    (stage: number): Module =>
    (t, y) =>
      t.sequence(
        y,
        Array.from({ length: c.layers[stage] ?? 0 }, () => block(c, stage)),
      );
  const embedded = s.transpose(s.call("patch_embed", patches(c), image), { perm: [0, 2, 3, 1] });
  const first = network.call(0, stack(0), embedded);
  const width = c.embed_dims[3] ?? 1;
  const grid = c.img_size.map((extent) => Math.floor(Math.floor(extent / c.patch_size) / c.pooling_scale));
  const table = s.param("pos_embed", [1, ...grid, width]);
  let map: Value = s.add(network.call(1, halve(width), first), table);
  const later = [1, 2, 3].map((stage) => {
    map = network.call(stage + 1, stack(stage), map);
    return { place: stage + 1, map };
  });
  return [{ place: 0, map: first }, ...later];
}

const d1: Row = fixed({ layers: [4, 4, 8, 2], embed_dims: [192, 384, 384, 384], num_heads: [6, 12, 12, 12] });
const d2: Row = fixed({ layers: [6, 4, 10, 4], embed_dims: [256, 512, 512, 512], num_heads: [8, 16, 16, 16] });
const d3: Row = fixed({ layers: [8, 8, 16, 4], embed_dims: [256, 512, 512, 512], num_heads: [8, 16, 16, 16] });
const d4: Row = fixed({ layers: [8, 8, 16, 4], embed_dims: [384, 768, 768, 768], num_heads: [12, 16, 16, 16] });
const d5: Row = fixed({
  layers: [12, 12, 20, 4],
  embed_dims: [384, 768, 768, 768],
  num_heads: [12, 16, 16, 16],
  mlp_ratio: 4,
  stem_hidden_dim: 128,
});

export default defineFamily({
  name: "volo",
  paper: "https://arxiv.org/abs/2106.13112",
  args,
  variants: {
    volo_d1_224: d1,
    volo_d1_384: d1,
    volo_d2_224: d2,
    volo_d2_384: d2,
    volo_d3_224: d3,
    volo_d3_448: d3,
    volo_d4_224: d4,
    volo_d4_448: d4,
    volo_d5_224: d5,
    volo_d5_448: d5,
    volo_d5_512: d5,
  },
  lastStages: 3,
  refuse: (c, given) => refuseFixed(c, given) ?? refuse(c),
  fixedSize: () => "pos_embed is added as it is: a row for every position of img_size",
  groups: () => [
    stemGroup(/cls_token|pos_embed|patch_embed/),
    blockGroup(/network\.(\d+)\.(\d+)/),
    blockGroup(/network\.(\d+)/, "first"),
    laterBlockGroup(/post_network\.(\d+)/, 5),
    blockGroup(/norm/, "last"),
  ],
  build: (s, image, c) => {
    const maps = encode(s, image, c);
    const stages = maps.map(({ place, map }): Stage => {
      const nchw = (x: Value): Value => s.transpose(x, { perm: [0, 3, 1, 2] });
      return {
        module: `network.${place}`,
        value: nchw(map),
        reduction: c.patch_size * (place === 0 ? 1 : 2),
        format: "NCHW",
        intermediate: (wanted) =>
          wanted && place >= 2
            ? { value: nchw(norm(s.at("norm"), map)), normed: true }
            : { value: nchw(map), normed: false },
      };
    });
    const map = maps[3]?.map ?? image;
    const [n = 1, h = 1, w = 1, width = 1] = map.type.shape;
    const token = s.expand(s.param("cls_token", [1, 1, width]), { shape: [n, 1, width] });
    const all = s.concat([token, s.reshape(map, { shape: [n, mulDim(h, w), width] })], { axis: 1 });
    const post: Module = (t, y) => t.sequence(y, [classBlock(c), classBlock(c)]);
    const tokens = s.chain(all, { post_network: post, norm });
    const preLogits = c.global_pool === "token" ? tokenAt(s, tokens, 0) : s.reduce_mean(tokens, { axes: [1] });
    const classes = s.chain(preLogits, { head: fullyConnected(c.num_classes) });
    const auxiliary = (): Value =>
      s.reduce_max(s.chain(dropTokens(s, tokens, 1), { aux_head: fullyConnected(c.num_classes) }), { axes: [1] });
    const logits = c.use_aux_head ? s.add(classes, s.mul(auxiliary(), s.scalar(0.5))) : classes;
    return { forwardFeatures: [tokens], preLogits: [preLogits], logits: [logits], stages, format: "NLC" };
  },
});
