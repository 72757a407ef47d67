/** DaViT: Ding et al. 2022, "Dual attention vision transformers" (arXiv:2204.03645); with the towers of Florence-2 (2311.06242). */
import { type Dim, ceilDivDim, isStatic, mulDim, scaleDim, subDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import type { Stage } from "../family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import { act } from "../layers/act.ts";
import { attention } from "../layers/attention.ts";
import { callHead, classifierHead, normMlpHead } from "../layers/classifier-head.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { extent } from "../layers/extent.ts";
import { mergeChannels, splitChannels } from "../layers/heads.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { norm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { split } from "../layers/split.ts";
import { cropMap, mapSize, padToWindows, windowPartition, windowReverse } from "../layers/window.ts";
import type { Module, Scope } from "../scope.ts";
import { type AttnType, type DavitConfig, args, refuse } from "./config.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

const mapNorm = (c: DavitConfig): Module => norm(c.norm_layer, c.norm_eps);
const tokenNorm = (c: DavitConfig): Module => norm(c.norm_layer_cl, c.norm_eps);

/** Zeros below and to the right of an NCHW map up to the next multiple. */
function padTo(s: Scope, x: Value, step: number): Value {
  const [down = 0, right = 0] = x.type.shape.slice(2).map((d) => subDim(scaleDim(ceilDivDim(d, step), step), d));
  return down === 0 && right === 0 ? x : s.pad(x, { padding: [0, 0, 0, 0, 0, 0, down, right] });
}

/** Positions from a depthwise convolution, added. */
const positions =
  (c: DavitConfig): Module =>
  (s, x) => {
    const proj = depthwise({ kernel: 3, padding: 1, bias: true });
    return s.add(x, s.chain(x, { proj, act: c.cpe_act ? act("gelu") : undefined }));
  };

/** Section 3.1: windows that see zeros where they stand out of the map. */
const inWindows =
  (c: DavitConfig, heads: number): Module =>
  (s, map) => {
    const padded = padToWindows(s, map, c.window_size);
    const windows = windowPartition(s, padded, c.window_size);
    const attended = s.call("attn", attention({ heads, qkvBias: c.qkv_bias }), windows);
    return cropMap(s, windowReverse(s, attended, c.window_size, padded), mapSize(map));
  };

/** Attention between channels, whose scores are scaled by the number of tokens. */
const overTokens = (s: Scope, [q, k, v]: readonly [Value, Value, Value], length: Dim): Value =>
  isStatic(length)
    ? s.attention(q, k, v, undefined, { scale: length ** -0.5 })
    : s.attention(s.mul(q, s.rsqrt(extent(s, length, "f32"))), k, v, undefined, { scale: 1 });

/** Section 3.2: channels attend to channels within their group. In the first form keys meet values, and queries are mixed. */
const channelAttention =
  (c: DavitConfig, heads: number): Module =>
  (s, x) => {
    const [, length = 1, channels = 1] = x.type.shape;
    const width = s.static(channels, "the width of attention");
    const packed = split(s, s.call("qkv", linear(3 * width, { bias: c.qkv_bias }), x), [width, width, width]);
    const byHead = (y: Value): Value => splitChannels(s, y, heads);
    const [q, k, v] = [byHead(packed[0]), byHead(packed[1]), byHead(packed[2])];
    const mixed = c.channel_attn_v2
      ? overTokens(s, [q, k, v], length)
      : s.attention(k, v, q, undefined, { scale: (width / heads) ** -0.5 });
    return s.call("proj", linear(width), mergeChannels(s, mixed));
  };

const block =
  (c: DavitConfig, type: AttnType, heads: number): Module =>
  (s, x) => {
    const [n = 1, channels = 1, h = 1, w = 1] = x.type.shape;
    const shortcut = toTokens(s, s.call("cpe1", positions(c), x));
    const normed = s.call("norm1", tokenNorm(c), shortcut);
    const spatial = (): Value => {
      const map = s.reshape(normed, { shape: [n, h, w, channels] });
      return s.reshape(inWindows(c, heads)(s, map), { shape: [n, mulDim(h, w), channels] });
    };
    const attended = type === "spatial" ? spatial() : s.call("attn", channelAttention(c, heads), normed);
    const y = s.call("cpe2", positions(c), toMap(s, s.add(shortcut, attended), [h, w]));
    if (!c.ffn) return y;
    const tokens = toTokens(s, y);
    const width = s.static(channels, "the width of a stage");
    const feed = mlp(Math.trunc(width * c.mlp_ratio) || width);
    return toMap(s, s.add(tokens, s.chain(tokens, { norm2: tokenNorm(c), mlp: feed })), [h, w]);
  };

/** A stack of blocks, one of each attention; named by their attention, or numbered. */
const dualBlock =
  (c: DavitConfig, heads: number): Module =>
  (s, x) =>
    c.attn_types.reduce((y, type, i) => s.call(c.named_blocks ? `${type}_block` : i, block(c, type, heads), y), x);

const stageModule =
  (c: DavitConfig, stage: number): Module =>
  (s, x) => {
    const kernel = c.down_kernel_size;
    const even = kernel % 2 === 0;
    const conv = conv2d(c.embed_dims[stage] ?? 1, {
      kernel,
      stride: 2,
      padding: even ? 0 : (kernel - 1) / 2,
      bias: true,
    });
    const down: Module = (t, y) => {
      const normed = t.call("norm", mapNorm(c), y);
      return t.call("conv", conv, even ? padTo(t, normed, kernel) : normed);
    };
    const heads = c.num_heads[stage] ?? 1;
    const blocks: Module = (t, y) =>
      t.sequence(
        y,
        Array.from({ length: c.depths[stage] ?? 0 }, () => dualBlock(c, heads)),
      );
    return s.chain(x, { downsample: stage > 0 ? down : undefined, blocks });
  };

const stem =
  (c: DavitConfig): Module =>
  (s, x) =>
    s.chain(padTo(s, x, 4), {
      conv: conv2d(c.embed_dims[0] ?? 1, { kernel: 7, stride: 4, padding: 3, bias: true }),
      norm: mapNorm(c),
    });

export default defineFamily({
  name: "davit",
  paper: "https://arxiv.org/abs/2204.03645",
  args,
  variants,
  refuse,
  groups: (coarse) => [
    stemGroup(/stem/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [
          blockGroup(/stages\.(\d+).downsample/, "first"),
          blockGroup(/stages\.(\d+)\.blocks\.(\d+)/),
          blockGroup(/norm_pre/, "last"),
        ]),
  ],
  remap: () => remap,
  build: (s, image, c) => {
    const final = c.head_norm_first ? { path: "norm_pre", module: mapNorm(c) } : undefined;
    const stages: Stage[] = [];
    const last = c.depths.length - 1;
    const all: Module = (t, embedded) =>
      c.depths.reduce((x, _, i) => {
        const value = t.call(i, stageModule(c, i), x);
        const intermediate = normedAtEnd(s, value, i === last ? final : undefined);
        stages.push({ module: `stages.${i}`, value, reduction: 2 ** (i + 2), format: "NCHW", intermediate });
        return value;
      }, embedded);
    const features = s.chain(image, { stem: stem(c), stages: all, norm_pre: final?.module });
    const options = { classes: c.num_classes, pool: c.global_pool };
    const classify = c.head_norm_first ? classifierHead(options) : normMlpHead({ ...options, norm: mapNorm(c) });
    const head = callHead(s, "head", classify, features);
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
