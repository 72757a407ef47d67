/** Next-ViT's blocks (arXiv:2207.05501, fig. 3): next convolution block and next transformer block. */
import type { Value } from "../../ir/value.ts";
import { type ActName, act } from "../layers/act.ts";
import { conv2d } from "../layers/conv.ts";
import { mergeHeads, splitHeads } from "../layers/heads.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { batchNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { avgPool } from "../layers/pool.ts";
import { makeDivisible } from "../layers/rounding.ts";
import type { Module, Scope } from "../scope.ts";

export interface BlockOptions {
  readonly out: number;
  readonly stride: number;
  readonly headDim: number;
  readonly act: ActName;
  /** Keys and values are of averages of this many tokens, squared. */
  readonly reduction: number;
  /** Of the channels that attend in a transformer block. */
  readonly share: number;
}

/** Pool, 1x1 convolution and norm, where the shape changes. */
const patchEmbed =
  (out: number, stride: number): Module =>
  (s, x) => {
    const changes = stride === 2 || x.type.shape[1] !== out;
    return s.chain(x, {
      pool: stride === 2 ? avgPool(2, { ceil: true, countPad: false }) : undefined,
      conv: changes ? conv2d(out) : undefined,
      norm: changes ? batchNorm() : undefined,
    });
  };

/** Multi-head convolutional attention: a 3x3 convolution with a group per head, mixed by a 1x1 one. */
const convAttention =
  ({ headDim, act: name }: BlockOptions): Module =>
  (s, x) => {
    const channels = s.channels(x);
    return s.chain(x, {
      group_conv3x3: conv2d(channels, { kernel: 3, groups: Math.floor(channels / headDim) }),
      norm: batchNorm(),
      act: act(name),
      projection: conv2d(channels),
    });
  };

const mixChannels = (s: Scope, x: Value, norm: string, ratio: number, name: ActName): Value => {
  const channels = s.channels(x);
  const y = s.chain(x, { [norm]: batchNorm(), mlp: mlp(Math.trunc(channels * ratio), { act: name, conv: true }) });
  return s.add(x, y);
};

export const convBlock =
  (o: BlockOptions): Module =>
  (s, x) => {
    const y = s.call("patch_embed", patchEmbed(o.out, o.stride), x);
    return mixChannels(s, s.add(y, s.call("mhca", convAttention(o), y)), "norm", 3, o.act);
  };

/** Attention of tokens [N, L, C] to averages of r^2 of them in a row. */
const efficientAttention =
  ({ headDim, reduction }: BlockOptions): Module =>
  (s, x) => {
    const width = s.features(x);
    const heads = Math.floor(width / headDim);
    const count = reduction ** 2;
    const swap = (y: Value): Value => s.transpose(y, { perm: [0, 2, 1] });
    const pool: Module = (t, y) => t.avg_pool(y, { kernel: [count], stride: [count], padding: [0, 0] });
    const few = reduction > 1 ? swap(s.chain(swap(x), { sr: pool, norm: batchNorm() })) : x;
    const part = (name: string, y: Value): Value => splitHeads(s, s.call(name, linear(width), y), heads);
    const mixed = s.attention(part("q", x), part("k", few), part("v", few), undefined, { scale: headDim ** -0.5 });
    return s.call("proj", linear(width), mergeHeads(s, mixed));
  };

/** Some channels attend, the others come from these by convolution; an MLP mixes both. */
export const transformerBlock =
  (o: BlockOptions): Module =>
  (s, x) => {
    const attending = makeDivisible(Math.trunc(o.out * o.share), 32);
    const embedded = s.call("patch_embed", patchEmbed(attending, o.stride), x);
    const [, , h = 1, w = 1] = embedded.type.shape;
    const tokens = toTokens(s, s.call("norm1", batchNorm(), embedded));
    const global = s.add(embedded, toMap(s, s.call("e_mhsa", efficientAttention(o), tokens), [h, w]));
    const projected = s.call("projection", patchEmbed(o.out - attending, 1), global);
    const local = s.add(projected, s.call("mhca", convAttention(o), projected));
    return mixChannels(s, s.concat([global, local], { axis: 1 }), "norm2", 2, o.act);
  };
