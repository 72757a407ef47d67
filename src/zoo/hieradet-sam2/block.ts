/** Multi-scale attention in windows of an NHWC map, whose queries may be pooled (Segment Anything 2's image encoder). */
import { floorDivDim, mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { ActName } from "../layers/act.ts";
import { multiHeadMix } from "../layers/attention.ts";
import { layerScale } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { maxPool } from "../layers/pool.ts";
import { split } from "../layers/split.ts";
import { type Size, cropMap, mapSize, padToWindows, windowPartition, windowReverse } from "../layers/window.ts";
import type { Module, Scope } from "../scope.ts";

export interface BlockOptions {
  readonly out: number;
  readonly heads: number;
  /** Halves the map by pooling the queries. */
  readonly pools: boolean;
  /** Height and width of the windows; the whole map without it. */
  readonly window: number | undefined;
  readonly scaled: boolean;
  readonly act: ActName;
  readonly norm: Module;
}

const stride = 2;

/** The maximum of every 2x2 positions of an NHWC map. */
const pooled = (s: Scope, x: Value): Value =>
  s.transpose(maxPool(stride)(s, s.transpose(x, { perm: [0, 3, 1, 2] })), { perm: [0, 2, 3, 1] });

/** Attention of the tokens [N, h w, C] of windows of `size`. */
const multiScaleAttention =
  ({ out, heads, pools }: BlockOptions, [h, w]: Size): Module =>
  (s, x) => {
    const [n = 1] = x.type.shape;
    const [q, k, v] = split(s, s.call("qkv", linear(3 * out), x), [out, out, out]);
    const few = (): Value => {
      const map = pooled(s, s.reshape(q, { shape: [n, h, w, out] }));
      return s.reshape(map, { shape: [n, mulDim(floorDivDim(h, stride), floorDivDim(w, stride)), out] });
    };
    return s.call("proj", linear(out), multiHeadMix(s, [pools ? few() : q, k, v], { heads }));
  };

/** Cut into windows, attend, put together. `like` is the map that comes out, before its windows are completed. */
function attend(s: Scope, x: Value, like: Value, o: BlockOptions): Value {
  const size = mapSize(x);
  const window: Size = o.window === undefined ? size : [o.window, o.window];
  const factor = o.pools ? stride : 1;
  const after: Size = [floorDivDim(window[0], factor), floorDivDim(window[1], factor)];
  const padded = padToWindows(s, x, window);
  const attended = s.call("attn", multiScaleAttention(o, window), windowPartition(s, padded, window));
  return cropMap(s, windowReverse(s, attended, after, padToWindows(s, like, after)), mapSize(like));
}

export const multiScaleBlock =
  (o: BlockOptions): Module =>
  (s, x) => {
    const normed = s.call("norm1", o.norm, x);
    const wide = x.type.shape[3] === o.out ? x : s.call("proj", linear(o.out), normed);
    const shortcut = wide !== x && o.pools ? pooled(s, wide) : wide;
    const ls = o.scaled ? layerScale : undefined;
    const y = s.add(shortcut, s.chain(attend(s, normed, shortcut, o), { ls1: ls }));
    return s.add(y, s.chain(y, { norm2: o.norm, mlp: mlp(4 * o.out, { act: o.act }), ls2: ls }));
  };
