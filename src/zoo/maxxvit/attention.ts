/** Attention over whole maps (CoAtNet), and in windows and grids (Tu et al. 2022, MaxViT, section 3.2). */
import { floorDivDim, mulDim, printDim, sameDim, scaleDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { type Pair, conv2d } from "../layers/conv.ts";
import { mergeHeads, splitHeads } from "../layers/heads.ts";
import { layerScale, layerScale2d } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { norm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { mapBias, mlpBias, tableBias } from "../layers/relative-position.ts";
import { split } from "../layers/split.ts";
import { type Size, mapSize, windowGrid, windowPartition, windowReverse } from "../layers/window.ts";
import type { Module, Scope } from "../scope.ts";
import { type MaxxVitConfig, partition } from "./config.ts";
import { downsample } from "./conv.ts";

function positionBias(s: Scope, c: MaxxVitConfig, heads: number, window: Pair): Value | undefined {
  switch (c.transformer_rel_pos_type) {
    case "":
      return undefined;
    case "bias":
      return tableBias(s, heads, window);
    case "bias_tf":
      return mapBias(s, heads, window);
    case "mlp":
      return mlpBias(s, heads, window, { hidden: c.transformer_rel_pos_dim, mode: "cr" });
    default:
      return c.transformer_rel_pos_type satisfies never;
  }
}

/** Packed queries, keys and values of tokens [N, L, 3 C] as [N, heads, L, dim] each; heads may be the outer part. */
function unpack(s: Scope, packed: Value, dim: number, headFirst: boolean): readonly [Value, Value, Value] {
  const [n = 1, length = 1, all = 1] = packed.type.shape;
  const width = s.static(all, "the width of attention") / 3;
  const heads = width / dim;
  if (!headFirst) {
    const [q, k, v] = split(s, packed, [width, width, width]);
    return [splitHeads(s, q, heads), splitHeads(s, k, heads), splitHeads(s, v, heads)];
  }
  const byHead = s.transpose(s.reshape(packed, { shape: [n, length, heads, 3 * dim] }), { perm: [0, 2, 1, 3] });
  return split(s, byHead, [dim, dim, dim]);
}

/** Attention of the tokens of one window [N, L, C], `width` wide inside and to `out` channels. */
const attention =
  (c: MaxxVitConfig, window: Pair, width: number, out: number): Module =>
  (s, x) => {
    const dim = c.transformer_dim_head;
    const bias = c.transformer_attn_bias;
    const [q, k, v] = unpack(s, s.call("qkv", linear(3 * width, { bias }), x), dim, c.transformer_head_first);
    const position = positionBias(s.at("rel_pos"), c, width / dim, window);
    return s.call("proj", linear(out, { bias }), mergeHeads(s, s.attention(q, k, v, position, { scale: dim ** -0.5 })));
  };

/** The same over a whole NCHW map, with 1x1 convolutions. */
const mapAttention =
  (c: MaxxVitConfig, window: Pair, out: number): Module =>
  (s, x) => {
    const [, channels = 1, h = 1, w = 1] = x.type.shape;
    const width = c.transformer_expand_first ? out : s.static(channels, "the width of a stage");
    const dim = c.transformer_dim_head;
    const bias = c.transformer_attn_bias;
    const packed = toTokens(s, s.call("qkv", conv2d(3 * width, { bias }), x));
    const [q, k, v] = unpack(s, packed, dim, true);
    const position = positionBias(s.at("rel_pos"), c, width / dim, window);
    const mixed = mergeHeads(s, s.attention(q, k, v, position, { scale: dim ** -0.5 }));
    return s.call("proj", conv2d(out, { bias }), toMap(s, mixed, [h, w]));
  };

const hidden = (c: MaxxVitConfig, width: number): number => Math.trunc(width * c.transformer_expand_ratio) || width;

/** CoAtNet's block: a norm before the reduction, attention over the map. */
export const transformerBlock2d =
  (c: MaxxVitConfig, width: number, stride: 1 | 2, window: Pair): Module =>
  (s, x) => {
    const normalise = norm(c.transformer_norm_layer, c.transformer_norm_eps);
    const pool = c.transformer_pool_type;
    const channels = s.channels(x);
    const normDown: Module = (t, y) => t.chain(y, { norm: normalise, down: downsample(channels, { pool }) });
    const reduce = downsample(width, { pool, bias: c.transformer_shortcut_bias });
    const ls = c.transformer_init_values ? layerScale2d : undefined;
    const attended = s.chain(x, {
      norm1: stride === 2 ? normDown : normalise,
      attn: mapAttention(c, window, width),
      ls1: ls,
    });
    const y = s.add(s.chain(x, { shortcut: stride === 2 ? reduce : undefined }), attended);
    const feed = mlp(hidden(c, width), { act: c.transformer_act_layer, conv: true });
    return s.add(y, s.chain(y, { norm2: normalise, mlp: feed, ls2: ls }));
  };

/**
 * A map [N, H, W, C] of `outer` x `inner` positions with the two exchanged: those at one place of every window of `inner`
 * become neighbours.
 */
function exchange(s: Scope, x: Value, outer: Size, inner: Size): Value {
  const [n = 1, , , c = 1] = x.type.shape;
  const cells = s.reshape(x, { shape: [n, outer[0], inner[0], outer[1], inner[1], c] });
  return s.reshape(s.transpose(cells, { perm: [0, 2, 1, 4, 3, 5] }), { shape: [n, ...mapSize(x), c] });
}

function needWhole(size: Size, window: Pair): void {
  for (const [i, side] of (["height", "width"] as const).entries())
    if (!sameDim(scaleDim(floorDivDim(size[i] ?? 0, window[i] ?? 1), window[i] ?? 1), size[i] ?? 0))
      throw new TimmcError(
        "unsupported",
        `${side} ${printDim(size[i] ?? 0)} must be divisible by the window's ${window[i]}`,
      );
}

/** `attend` in the windows of a map [N, H, W, C], or in its grid: tokens that lie a window apart. */
function partitioned(s: Scope, x: Value, c: MaxxVitConfig, grid: boolean, attend: (windows: Value) => Value): Value {
  const window = partition(c);
  const size = mapSize(x);
  needWhole(size, window);
  const count = windowGrid(size, window);
  const map = grid ? exchange(s, x, window, count) : x;
  const result = windowReverse(s, attend(windowPartition(s, map, window)), window, map);
  return grid ? exchange(s, result, count, window) : result;
}

/** The MLP behind attention, on tokens. */
function feedForward(s: Scope, x: Value, c: MaxxVitConfig): Value {
  const [n = 1, h = 1, w = 1, channels = 1] = x.type.shape;
  const width = s.static(channels, "the width of a stage");
  const tokens = s.reshape(x, { shape: [n, mulDim(h, w), width] });
  const ls = c.transformer_init_values ? layerScale : undefined;
  const normalise = norm(c.transformer_norm_layer_cl, c.transformer_norm_eps);
  const feed = mlp(hidden(c, width), { act: c.transformer_act_layer });
  return s.reshape(s.add(tokens, s.chain(tokens, { norm2: normalise, mlp: feed, ls2: ls })), { shape: x.type.shape });
}

/** A block of attention in windows, or in the grid, on [N, H, W, C]. */
export const partitionAttention =
  (c: MaxxVitConfig, grid: boolean): Module =>
  (s, x) => {
    const width = s.features(x);
    const normed = s.call("norm1", norm(c.transformer_norm_layer_cl, c.transformer_norm_eps), x);
    const attend = attention(c, partition(c), width, width);
    const y = partitioned(s, normed, c, grid, (windows) => s.call("attn", attend, windows));
    const ls = c.transformer_init_values ? layerScale : undefined;
    return feedForward(s, s.add(x, s.chain(y, { ls1: ls })), c);
  };

/** Windows and grid side by side, each to half of the channels. */
export const parallelAttention =
  (c: MaxxVitConfig): Module =>
  (s, x) => {
    const width = s.features(x);
    const normed = s.call("norm1", norm(c.transformer_norm_layer_cl, c.transformer_norm_eps), x);
    const attend = attention(c, partition(c), width, width / 2);
    const half = (name: string, grid: boolean): Value =>
      partitioned(s, normed, c, grid, (windows) => s.call(name, attend, windows));
    const both = s.concat([half("attn_block", false), half("attn_grid", true)], { axis: 3 });
    const ls = c.transformer_init_values ? layerScale : undefined;
    return feedForward(s, s.add(x, s.chain(both, { ls1: ls })), c);
  };
