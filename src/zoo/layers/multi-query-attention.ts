import { mulDim } from "../../ir/dim.ts";
import type { Module } from "../scope.ts";
import { type Padding, conv2d, depthwise } from "./conv.ts";
import { toTokens } from "./patch-embed.ts";

interface MultiQueryOptions {
  readonly out: number;
  readonly heads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  /** Stride of the depthwise convolution before keys and values; none at 1. */
  readonly kvStride: number;
  readonly kernel: number;
  readonly dilation: number;
  readonly padding: Padding | undefined;
  /** After the strided convolution, on NCHW maps. */
  readonly norm: Module;
}

/**
 * Multi-query attention on maps (Shazeer 2019, arXiv:1911.02150; timm's MultiQueryAttention2d): every head has its own
 * queries, all share one key and one value, so heads are rows of one attention: [N, heads L, D] against [N, M, D].
 */
export const multiQueryAttention2d =
  (o: MultiQueryOptions): Module =>
  (s, x) => {
    const [n = 1, , h = 1, w = 1] = x.type.shape;
    const length = mulDim(h, w);
    const reduced = { kernel: o.kernel, stride: o.kvStride, dilation: o.dilation, padding: o.padding };
    const strided = o.kvStride > 1 ? { down_conv: depthwise(reduced), norm: o.norm } : {};
    const query = s.call("query", (t, y) => t.chain(y, { proj: conv2d(o.heads * o.keyDim) }), x);
    const key = s.call("key", (t, y) => t.chain(y, { ...strided, proj: conv2d(o.keyDim, { padding: o.padding }) }), x);
    const value = s.call("value", (t, y) => t.chain(y, { ...strided, proj: conv2d(o.valueDim) }), x);
    const split = s.reshape(query, { shape: [n, o.heads, o.keyDim, length] });
    const rows = s.reshape(s.transpose(split, { perm: [0, 1, 3, 2] }), {
      shape: [n, mulDim(o.heads, length), o.keyDim],
    });
    const mixed = s.attention(rows, toTokens(s, key), toTokens(s, value), undefined, { scale: o.keyDim ** -0.5 });
    const heads = s.reshape(mixed, { shape: [n, o.heads, length, o.valueDim] });
    const map = s.reshape(s.transpose(heads, { perm: [0, 1, 3, 2] }), { shape: [n, o.heads * o.valueDim, h, w] });
    return s.call("output", (t, y) => t.chain(y, { proj: conv2d(o.out) }), map);
  };
