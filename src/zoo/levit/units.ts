/** LeViT's parts in two forms of the same numbers: linear layers on tokens, or 1x1 convolutions on maps. */
import { type Dim, mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { type ActName, act } from "../layers/act.ts";
import type { Pair } from "../layers/conv.ts";
import { convBn } from "../layers/conv-bn.ts";
import { splitByHead } from "../layers/head-major.ts";
import { mergeHeads } from "../layers/heads.ts";
import { linear } from "../layers/linear.ts";
import { batchNorm } from "../layers/norm.ts";
import { offsetBias } from "../layers/offset-bias.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import type { Module, Scope } from "../scope.ts";

export interface Style {
  /** Maps and convolutions instead of tokens and linear layers. */
  readonly conv: boolean;
  readonly act: ActName;
  readonly attnAct: ActName;
}

/** Batch norm over the last axis of tokens. */
const tokenBatchNorm: Module = (s, x) => {
  const [n = 1, l = 1, c = 1] = x.type.shape;
  const rows = s.reshape(x, { shape: [mulDim(n, l), c] });
  return s.reshape(batchNorm()(s, rows), { shape: [n, l, c] });
};

/** A layer without bias and its batch norm. */
export const unit = (c: Style, out: number): Module =>
  c.conv
    ? convBn(out, {}, "linear")
    : (s, x) => s.chain(x, { linear: linear(out, { bias: false }), bn: tokenBatchNorm });

const activated =
  (c: Style, out: number): Module =>
  (s, x) =>
    s.chain(x, { act: act(c.attnAct), ln: unit(c, out) });

export interface AttentionOptions {
  readonly heads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  /** Height and width of the map that comes in. */
  readonly size: Pair;
}

/** Tokens of either form, and back. */
const asTokens = (s: Scope, c: Style, x: Value): Value => (c.conv ? toTokens(s, x) : x);
const asForm = (s: Scope, c: Style, x: Value, size: readonly [Dim, Dim]): Value => (c.conv ? toMap(s, x, size) : x);

/** Graham et al. 2021 (arXiv:2104.01136), fig. 4 left: attention with a learned bias per offset. */
export const attention =
  (c: Style, { heads, keyDim, valueDim, size }: AttentionOptions, out: number): Module =>
  (s, x) => {
    const packed = asTokens(s, c, s.call("qkv", unit(c, heads * (2 * keyDim + valueDim)), x));
    const [q, k, v] = splitByHead(s, packed, heads, [keyDim, keyDim, valueDim]);
    const bias = offsetBias(s, s.param("attention_biases", [heads, size[0] * size[1]]), size);
    const mixed = mergeHeads(s, s.attention(q, k, v, bias, { scale: keyDim ** -0.5 }));
    return s.call("proj", activated(c, out), asForm(s, c, mixed, size));
  };

const stride = 2;

/** Every other row and column. */
const subsample =
  (c: Style, size: Pair): Module =>
  (s, x) => {
    const [n = 1] = x.type.shape;
    const first = c.conv ? 2 : 1;
    const map = c.conv ? x : s.reshape(x, { shape: [n, ...size, x.type.shape[2] ?? 1] });
    const rows = s.slice(map, { axis: first, range: [0, size[0]], step: stride });
    const few = s.slice(rows, { axis: first + 1, range: [0, size[1]], step: stride });
    return c.conv ? few : s.reshape(few, { shape: [n, halved(size[0]) * halved(size[1]), x.type.shape[2] ?? 1] });
  };

export const halved = (extent: number): number => Math.ceil(extent / stride);

/** Fig. 4 right: queries of every other row and column shrink the map. */
export const attentionDownsample =
  (c: Style, { heads, keyDim, valueDim, size }: AttentionOptions, out: number): Module =>
  (s, x) => {
    const packed = asTokens(s, c, s.call("kv", unit(c, heads * (keyDim + valueDim)), x));
    const [k, v] = splitByHead(s, packed, heads, [keyDim, valueDim]);
    const asked: Module = (t, y) => t.chain(y, { down: subsample(c, size), ln: unit(c, heads * keyDim) });
    const [q] = splitByHead(s, asTokens(s, c, s.call("q", asked, x)), heads, [keyDim]);
    const bias = offsetBias(s, s.param("attention_biases", [heads, size[0] * size[1]]), size, stride);
    const mixed = mergeHeads(s, s.attention(q, k, v, bias, { scale: keyDim ** -0.5 }));
    return s.call("proj", activated(c, out), asForm(s, c, mixed, [halved(size[0]), halved(size[1])]));
  };

export const levitMlp =
  (c: Style, ratio: number): Module =>
  (s, x) => {
    const width = c.conv ? s.channels(x) : s.features(x);
    return s.chain(x, { ln1: unit(c, Math.trunc(width * ratio)), act: act(c.act), ln2: unit(c, width) });
  };

/** Attention, then an MLP, each added to its input. */
export const levitBlock =
  (c: Style, o: AttentionOptions, ratio: number): Module =>
  (s, x) => {
    const width = c.conv ? s.channels(x) : s.features(x);
    const y = s.add(x, s.call("attn", attention(c, o, width), x));
    return s.add(y, s.call("mlp", levitMlp(c, ratio), y));
  };
