/** Cascaded group attention inside windows (Liu et al. 2023, arXiv:2305.07027, fig. 3 c). */
import { isStatic, printDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { act } from "../layers/act.ts";
import { convBn, depthwiseBn } from "../layers/conv-bn.ts";
import { offsetBias } from "../layers/offset-bias.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { split } from "../layers/split.ts";
import { padToWindows, cropMap, mapSize, windowPartition, windowReverse } from "../layers/window.ts";
import type { Module } from "../scope.ts";

export interface AttentionOptions {
  readonly heads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  /** Height and width of the map. */
  readonly size: number;
  readonly window: number;
  /** Of the depthwise convolutions on queries, by head. */
  readonly kernels: readonly number[];
}

/** Each head sees its part of the channels, plus what the head before it gave. */
const cascade =
  ({ heads, keyDim, valueDim, kernels }: AttentionOptions, side: number): Module =>
  (s, x) => {
    const [, c = 1, h = 1, w = 1] = x.type.shape;
    const channels = s.static(c, "the width of attention");
    const table = s.param("attention_biases", [heads, side * side]);
    const bias = offsetBias(s, table, [side, side]);
    const parts = split(s, x, Array<number>(heads).fill(channels / heads), 1);
    const outs: Value[] = [];
    parts.forEach((part, i) => {
      const before = outs.at(-1);
      const packed = s
        .at("qkvs")
        .call(i, convBn(2 * keyDim + valueDim, {}, "conv"), before ? s.add(before, part) : part);
      const [query, key, value] = split(s, packed, [keyDim, keyDim, valueDim], 1);
      const kernel = kernels[i] ?? 5;
      const asked = s.at("dws").call(i, depthwiseBn({ kernel }, "conv"), query);
      const mixed = s.attention(
        toTokens(s, asked),
        toTokens(s, key),
        toTokens(s, value),
        s.slice(bias, { axis: 0, range: [i, i + 1] }),
        { scale: keyDim ** -0.5 },
      );
      outs.push(toMap(s, mixed, [h, w]));
    });
    const proj: Module = (t, y) => t.sequence(y, [act("relu"), convBn(channels, {}, "conv")]);
    return s.call("proj", proj, s.concat(outs, { axis: 1 }));
  };

/** Attention of the whole map where it is no larger than a window, else of windows that zeros complete. */
export const windowAttention =
  (o: AttentionOptions): Module =>
  (s, x) => {
    for (const extent of x.type.shape.slice(2))
      if (!isStatic(extent) || extent !== o.size)
        throw new TimmcError("unsupported", `the map is ${printDim(extent)} high or wide, the model's ${o.size}`);
    if (o.size <= o.window) return s.call("attn", cascade(o, o.size), x);
    const [n = 1] = x.type.shape;
    const window = [o.window, o.window] as const;
    const nhwc = s.transpose(x, { perm: [0, 2, 3, 1] });
    const padded = padToWindows(s, nhwc, window);
    const cells = toMap(s, windowPartition(s, padded, window), window);
    const attended = s.call("attn", cascade(o, o.window), cells);
    const map = windowReverse(s, toTokens(s, attended), window, padded);
    const cropped = cropMap(s, map, mapSize(nhwc));
    return s.reshape(s.transpose(cropped, { perm: [0, 3, 1, 2] }), { shape: [n, ...x.type.shape.slice(1)] });
  };
