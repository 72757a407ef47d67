/** Blocks on maps [N, H, W, C]: attention in windows or over the whole map (Li et al. 2022, ViTDet, section 3). */
import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Pair } from "../layers/conv.ts";
import { decomposedBias, relativeRows } from "../layers/decomposed-position.ts";
import { mergeHeads, splitHeads } from "../layers/heads.ts";
import { layerScale } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { axialRotation, forTokens, rotate } from "../layers/rotary.ts";
import { split } from "../layers/split.ts";
import { type Size, cropMap, mapSize, padToWindows, windowPartition, windowReverse } from "../layers/window.ts";
import type { Module, Scope } from "../scope.ts";
import type { SamConfig } from "./config.ts";

/** torch's LayerNorm. */
export const samNorm: Module = layerNorm(1e-5);

/** Where a block attends. */
interface Place {
  /** Rows and columns of tokens that see each other, here. */
  readonly size: Size;
  /** The same in an image of img_size: what tables are made for. */
  readonly native: Pair;
  readonly reference: Pair | undefined;
}

function turned(s: Scope, c: SamConfig, { native, reference }: Place, dim: number): (x: Value) => Value {
  if (!c.use_rope) return (x) => x;
  const table = axialRotation(s, {
    grid: native,
    dim,
    temperature: 10_000,
    indexing: "ij",
    offset: 0,
    reference,
    half: false,
  });
  const rotation = forTokens(s, table, 0);
  return (x) => rotate(s, x, rotation);
}

/** Attention of tokens [B, L, C] of a grid; biases see the queries before they are scaled. */
const attention =
  (c: SamConfig, place: Place): Module =>
  (s, x) => {
    const width = c.embed_dim;
    const dim = width / c.num_heads;
    const [q, k, v] = split(s, s.call("qkv", linear(3 * width, { bias: c.qkv_bias }), x), [width, width, width]);
    const norm = c.qk_norm ? samNorm : undefined;
    const queries = s.chain(splitHeads(s, q, c.num_heads), { q_norm: norm });
    const keys = s.chain(splitHeads(s, k, c.num_heads), { k_norm: norm });
    const table = (name: string, axis: 0 | 1): Value =>
      relativeRows(s, s.param(name, [2 * place.native[axis] - 1, dim]), place.size[axis], place.size[axis]);
    const bias = c.use_rel_pos
      ? decomposedBias(s, queries, place.size, table("rel_pos_h", 0), table("rel_pos_w", 1))
      : undefined;
    const turn = turned(s, c, place, dim);
    const mixed = s.attention(turn(queries), turn(keys), splitHeads(s, v, c.num_heads), bias, { scale: dim ** -0.5 });
    return s.call("proj", linear(width), mergeHeads(s, mixed));
  };

/** `native` is the grid of an image of img_size. */
export const samBlock =
  (c: SamConfig, global: boolean, native: Pair): Module =>
  (s, x) => {
    const [n = 1, h = 1, w = 1, width = 1] = x.type.shape;
    const normed = s.call("norm1", samNorm, x);
    const size = mapSize(normed);
    const scale = c.init_values ? layerScale : undefined;
    const reference = (which: 0 | 1): Pair | undefined =>
      c.ref_feat_shape && [c.ref_feat_shape[which], c.ref_feat_shape[which]];
    const attend = (tokens: Value, place: Place): Value => s.chain(tokens, { attn: attention(c, place), ls1: scale });
    const inWindows = (): Value => {
      const window: Pair = [c.window_size, c.window_size];
      const padded = padToWindows(s, normed, window);
      const place = { size: window, native: window, reference: reference(1) };
      return cropMap(s, windowReverse(s, attend(windowPartition(s, padded, window), place), window, padded), size);
    };
    const whole = (): Value => {
      const tokens = s.reshape(normed, { shape: [n, mulDim(h, w), width] });
      return s.reshape(attend(tokens, { size, native, reference: reference(0) }), { shape: [n, h, w, width] });
    };
    const y = s.add(x, global || c.window_size === 0 ? whole() : inWindows());
    const hidden = Math.trunc(c.embed_dim * c.mlp_ratio) || c.embed_dim;
    const tokens = s.reshape(y, { shape: [n, mulDim(h, w), width] });
    const z = s.add(tokens, s.chain(tokens, { norm2: samNorm, mlp: mlp(hidden), ls2: scale }));
    return s.reshape(z, { shape: [n, h, w, width] });
  };
