/** The parts of EfficientViT (MIT): convolutions with norms that stand only where they are needed, linear attention. */
import { mulDim } from "../../ir/dim.ts";
import { type ActName, act } from "../layers/act.ts";
import { conv2d } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { roundHalfEven } from "../layers/rounding.ts";
import { split } from "../layers/split.ts";
import type { Module } from "../scope.ts";

export interface Style {
  readonly act: ActName;
  readonly eps: number;
  /** Width of an attention head. */
  readonly headDim: number;
}

interface UnitOptions {
  readonly kernel?: number;
  readonly stride?: number;
  readonly groups?: number;
  /** A bias instead of a norm, or neither. */
  readonly norm?: boolean;
  readonly bias?: boolean;
  readonly act?: boolean;
}

/** Convolution, norm, activation: timm's ConvNormAct of this family. */
export const unit =
  (c: Style, out: number, { norm = true, bias = false, act: active = false, ...conv }: UnitOptions = {}): Module =>
  (s, x) =>
    s.chain(x, {
      conv: conv2d(out, { ...conv, bias }),
      norm: norm ? batchNorm(c.eps) : undefined,
      act: active ? act(c.act) : undefined,
    });

type LocalKind = "default" | "large" | "fused";

export interface LocalOptions {
  readonly kind: LocalKind;
  readonly out: number;
  readonly stride: number;
  readonly ratio: number;
  /** A bias instead of the norm in all convolutions but the last. */
  readonly fewerNorms: boolean;
}

/** A convolutional block: separable, dense, inverted or fused inverted by its kind and ratio. */
export const localBlock =
  (c: Style, { kind, out, stride, ratio, fewerNorms }: LocalOptions): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const mid = roundHalfEven(channels * ratio);
    const inner = { norm: !fewerNorms, bias: fewerNorms, act: true };
    const point = unit(c, out);
    if (ratio === 1 && kind === "default")
      return s.chain(x, {
        depth_conv: unit(c, channels, { ...inner, kernel: 3, stride, groups: channels }),
        point_conv: point,
      });
    if (ratio === 1)
      return s.chain(x, {
        conv1: unit(c, mid, { ...inner, kernel: 3, stride }),
        conv2: unit(c, out, { kernel: 3 }),
      });
    if (kind === "default")
      return s.chain(x, {
        inverted_conv: unit(c, mid, inner),
        depth_conv: unit(c, mid, { ...inner, kernel: 3, stride, groups: mid }),
        point_conv: point,
      });
    return s.chain(x, { spatial_conv: unit(c, mid, { ...inner, kernel: 3, stride }), point_conv: point });
  };

/** timm's ResidualBlock: the branch is called `main`. */
export const residualBlock =
  (main: Module): Module =>
  (s, x) =>
    s.add(s.call("main", main, x), x);

export const downBlock =
  (main: Module): Module =>
  (s, x) =>
    s.call("main", main, x);

const scale = 5;
const epsilon = 1e-5;

/**
 * Multi-scale linear attention (Cai et al. 2022, arXiv:2205.14756, fig. 2): relu(q) (relu(k)^T v) over its row sums,
 * which a column of ones in v gives, for tokens and for tokens aggregated from 5x5 neighbours.
 */
const linearAttention =
  (c: Style): Module =>
  (s, x) => {
    const [n = 1, width = 1, h = 1, w = 1] = x.type.shape;
    const channels = s.static(width, "the width of attention");
    const heads = Math.floor(channels / c.headDim);
    const total = heads * c.headDim;
    const qkv = s.call("qkv", unit(c, 3 * total, { norm: false }), x);
    const aggregate: Module = (t, y) =>
      t.sequence(y, [
        conv2d(3 * total, { kernel: scale, groups: 3 * total }),
        conv2d(3 * total, { groups: 3 * heads }),
      ]);
    const both = s.concat([qkv, s.at("aggreg").call(0, aggregate, qkv)], { axis: 1 });
    const byHead = s.reshape(both, { shape: [n, 2 * heads, 3 * c.headDim, mulDim(h, w)] });
    const tokens = s.transpose(byHead, { perm: [0, 1, 3, 2] });
    const [q, k, v] = split(s, tokens, [c.headDim, c.headDim, c.headDim]);
    const ones = s.pad(v, { padding: [0, 0, 0, 0, 0, 0, 0, 1], value: 1 });
    const keys = s.transpose(s.activation(k, { kind: "relu" }), { perm: [0, 1, 3, 2] });
    const mixed = s.matmul(s.activation(q, { kind: "relu" }), s.matmul(keys, ones));
    const [sums, rows] = split(s, mixed, [c.headDim, 1]);
    const out = s.div(sums, s.add(rows, s.scalar(epsilon)));
    const map = s.reshape(s.transpose(out, { perm: [0, 1, 3, 2] }), { shape: [n, 2 * total, h, w] });
    return s.call("proj", unit(c, channels), map);
  };

/** Fig. 2 of the paper: attention for the context, an inverted residual for the neighbourhood. */
export const vitBlock =
  (c: Style, ratio: number): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const local = localBlock(c, { kind: "default", out: channels, stride: 1, ratio, fewerNorms: true });
    return s.chain(x, {
      context_module: residualBlock(linearAttention(c)),
      local_module: residualBlock(local),
    });
  };
