/** GC ViT: Hatamizadeh et al. 2022, "Global context vision transformers" (arXiv:2206.09959). */
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { fixed, refuseFixed } from "../fixed.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { halvingStages } from "../layers/block-stages.ts";
import { squeezeExcite } from "../layers/channel-attention.ts";
import { callHead, classifierHead } from "../layers/classifier-head.ts";
import { type Pair, conv2d, depthwise } from "../layers/conv.ts";
import { multiHeadMix } from "../layers/attention.ts";
import { layerScale } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { norm } from "../layers/norm.ts";
import { maxPool } from "../layers/pool.ts";
import { tableBias } from "../layers/relative-position.ts";
import { split } from "../layers/split.ts";
import { mapSize, windowPartition, windowReverse } from "../layers/window.ts";
import type { Module, Scope } from "../scope.ts";
import { type GcVitConfig, args, featureSize, refuse, windowOf } from "./config.ts";

type Row = Partial<GcVitConfig>;

const tokenNorm = (c: GcVitConfig): Module => norm(c.norm_layer_cl, c.norm_eps);

/** Fused inverted residual with squeeze-excite, section 3.2. */
const fusedConv =
  (name: GcVitConfig["act_layer"]): Module =>
  (s, x) => {
    const width = s.channels(x);
    const y = s.chain(x, {
      conv_dw: depthwise({ kernel: 3, padding: 1 }),
      act: act(name),
      se: squeezeExcite({ ratio: 0.25, act: name, bias: false }),
      conv_pw: conv2d(width),
    });
    return s.add(y, x);
  };

/** Section 3.2: to half the size. */
const downsample =
  (c: GcVitConfig, width: number, name: GcVitConfig["act_layer"]): Module =>
  (s, x) =>
    s.chain(x, {
      norm1: norm(c.norm_layer, c.norm_eps),
      conv_block: fusedConv(name),
      reduction: conv2d(width, { kernel: 3, stride: 2, padding: 1 }),
      norm2: norm(c.norm_layer, c.norm_eps),
    });

/** Section 3.3, fig. 4: the map reduced to the size of one window. */
const globalQueries =
  (reductions: number): Module =>
  (s, x) =>
    s.call(
      "blocks",
      (t, y) => {
        let z = y;
        for (let i = 1; i <= Math.max(1, reductions); i++) {
          z = t.call(`conv${i}`, fusedConv("gelu"), z);
          if (i <= reductions) z = t.call(`pool${i}`, maxPool(3, { stride: 2, padding: 1 }), z);
        }
        return z;
      },
      x,
    );

/**
 * Attention in windows [N windows, tokens, C]; every other block has global queries instead of its own (eq. 3). Each image
 * has its own; timm's mix the images of a batch (docs/adr/0006-images-of-a-batch-are-apart.md).
 */
const attention =
  (c: GcVitConfig, heads: number, window: Pair, queries: Value | undefined): Module =>
  (s, x) => {
    const [all = 1, tokens = 1, channels = 1] = x.type.shape;
    const width = s.static(channels, "the width of attention");
    const bias = c.qkv_bias;
    const packed = s.call("qkv", linear((queries === undefined ? 3 : 2) * width, { bias }), x);
    const own = (): readonly [Value, Value, Value] => split(s, packed, [width, width, width]);
    const shared = (q: Value): readonly [Value, Value, Value] => {
      const [k, v] = split(s, packed, [width, width]);
      return [s.reshape(q, { shape: [all, tokens, width] }), k, v];
    };
    const qkv = queries === undefined ? own() : shared(queries);
    const position = tableBias(s.at("rel_pos"), heads, window);
    return s.call("proj", linear(width), multiHeadMix(s, qkv, { heads, bias: position }));
  };

/** On [N, H, W, C]; `queries` [N, windows, tokens, C] are the global ones of each window. */
const block =
  (c: GcVitConfig, stage: number, queries: Value | undefined): Module =>
  (s, x) => {
    const window = windowOf(c, stage);
    const width = s.features(x);
    const normed = s.call("norm1", tokenNorm(c), x);
    const attend = attention(c, c.num_heads[stage] ?? 1, window, queries);
    const attended = windowReverse(s, s.call("attn", attend, windowPartition(s, normed, window)), window, normed);
    const ls = c.layer_scale === undefined ? undefined : layerScale;
    const y = s.add(x, s.chain(attended, { ls1: ls }));
    const feed = mlp(Math.trunc(width * c.mlp_ratio) || width, { act: c.act_layer });
    return s.add(y, s.chain(y, { norm2: tokenNorm(c), mlp: feed, ls2: ls }));
  };

/** The global queries of every window, [N, windows, tokens, C]. */
function queriesOf(s: Scope, map: Value, c: GcVitConfig, stage: number): Value {
  const [h, w] = featureSize(c, stage);
  const window = windowOf(c, stage);
  const reductions = Math.trunc(Math.log2(Math.min(h, w) / Math.min(...window)));
  const reduced = s.transpose(s.call("global_block", globalQueries(reductions), map), { perm: [0, 2, 3, 1] });
  const [n = 1, , , channels = 1] = reduced.type.shape;
  const size = mapSize(reduced);
  const [rows = 1, columns = 1] = map.type.shape.slice(2).map((d) => s.static(d, "windows are cut from a known size"));
  if (rows % window[0] !== 0 || columns % window[1] !== 0 || size[0] !== window[0] || size[1] !== window[1])
    throw new TimmcError(
      "unsupported",
      `windows of ${window.join("x")} need a map that they tile, and global queries of their size; here ${rows}x${columns} and ${size.join("x")}`,
      { hint: "choose an img_size that is a multiple of 32, such as 224" },
    );
  const count = (rows / window[0]) * (columns / window[1]);
  const tokens = s.reshape(reduced, { shape: [n, 1, window[0] * window[1], channels] });
  return s.expand(tokens, { shape: [n, count, window[0] * window[1], channels] });
}

const stageModule =
  (c: GcVitConfig, stage: number): Module =>
  (s, x) => {
    const width = c.embed_dim * 2 ** stage;
    const map = s.chain(x, { downsample: stage > 0 ? downsample(c, width, "gelu") : undefined });
    const queries = queriesOf(s, map, c, stage);
    const isLast = stage === c.depths.length - 1;
    const blocks: Module = (t, y) =>
      t.sequence(
        y,
        Array.from({ length: c.depths[stage] ?? 0 }, (_, i) => block(c, stage, i % 2 === 1 ? queries : undefined)),
      );
    const y = s.chain(s.transpose(map, { perm: [0, 2, 3, 1] }), { blocks, norm: isLast ? tokenNorm(c) : undefined });
    return s.transpose(y, { perm: [0, 3, 1, 2] });
  };

const stem =
  (c: GcVitConfig): Module =>
  (s, x) =>
    s.chain(x, {
      conv1: conv2d(c.embed_dim, { kernel: 3, stride: 2, padding: 1, bias: true }),
      down: downsample(c, c.embed_dim, c.act_layer),
    });

const wide: Row = { mlp_ratio: 2, layer_scale: 1e-5 };

export default defineFamily({
  name: "gcvit",
  paper: "https://arxiv.org/abs/2206.09959",
  args,
  variants: {
    gcvit_xxtiny: fixed({ depths: [2, 2, 6, 2], num_heads: [2, 4, 8, 16] }),
    gcvit_xtiny: fixed({ depths: [3, 4, 6, 5], num_heads: [2, 4, 8, 16] }),
    gcvit_tiny: fixed({ depths: [3, 4, 19, 5], num_heads: [2, 4, 8, 16] }),
    gcvit_small: fixed({ ...wide, depths: [3, 4, 19, 5], num_heads: [3, 6, 12, 24], embed_dim: 96 }),
    gcvit_base: fixed({ ...wide, depths: [3, 4, 19, 5], num_heads: [4, 8, 16, 32], embed_dim: 128 }),
  },
  refuse: (c, given) => refuseFixed(c, given) ?? refuse(c),
  fixedSize: () => "global queries are the map of img_size halved until it is one window",
  groups: () => [stemGroup(/stem/), blockGroup(/stages\.(\d+)/)],
  build: (s, image, c) => {
    const stages: Stage[] = [];
    const all = halvingStages(
      c.depths.map((_, i) => stageModule(c, i)),
      stages,
    );
    const features = s.chain(image, { stem: stem(c), stages: all });
    const classify = classifierHead({ classes: c.num_classes, pool: c.global_pool });
    const head = callHead(s, "head", classify, features);
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
