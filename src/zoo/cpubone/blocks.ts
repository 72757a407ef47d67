/** CPUBone's parts (Nottebaum et al. 2026): grouped inverted bottlenecks, and attention behind a strided convolution. */
import { ceilDivDim, sameDim, scaleDim, subDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { type ActName, act } from "../layers/act.ts";
import { conv2d } from "../layers/conv.ts";
import { splitByHead } from "../layers/head-major.ts";
import { mergeHeads } from "../layers/heads.ts";
import { batchNorm, groupNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { roundHalfEven } from "../layers/rounding.ts";
import type { Module, Scope } from "../scope.ts";

export interface Style {
  readonly act: ActName;
  /** Of the first convolution of a bottleneck. */
  readonly groups: number;
  /** Kernels of 2 instead of 3 and 5 inside blocks with attention. */
  readonly small: boolean;
}

interface UnitOptions {
  readonly kernel?: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly bias?: boolean;
  readonly norm?: boolean;
  readonly act?: ActName | undefined;
}

/** A kernel of 2 at stride 1 takes its zeros from above and from the left, so that the map keeps its size. */
const convolution = (out: number, { kernel = 1, stride = 1, groups = 1, bias = false }: UnitOptions): Module => {
  if (kernel !== 2) return conv2d(out, { kernel, stride, groups, bias, padding: Math.floor(kernel / 2) });
  const even = conv2d(out, { kernel, stride, groups, bias, padding: 0 });
  if (stride === 2) return even;
  return (s, x) => s.call(1, even, s.pad(x, { padding: [0, 0, 1, 1, 0, 0, 0, 0] }));
};

/** Convolution, norm, activation (timm's ConvLayer of this family). */
export const unit =
  (out: number, o: UnitOptions = {}): Module =>
  (s, x) =>
    s.chain(x, {
      conv: convolution(out, o),
      norm: o.norm === false ? undefined : batchNorm(),
      act: o.act === undefined ? undefined : act(o.act),
    });

interface BottleneckOptions {
  readonly out: number;
  readonly ratio: number;
  readonly stride?: number;
  readonly kernel?: number;
}

/** Which convolutions of an unfused bottleneck have a norm; those without have a bias if `biased`. */
interface Norms {
  readonly norms: readonly [expand: boolean, depth: boolean];
  readonly biased: boolean;
}

export const bottleneck =
  (c: Style, { out, ratio, stride = 1, kernel = 3 }: BottleneckOptions, { norms, biased }: Norms): Module =>
  (s, x) => {
    const mid = roundHalfEven(s.channels(x) * ratio);
    const [expand, depth] = norms.map((norm) => ({ norm, bias: biased && !norm, act: c.act }));
    return s.chain(x, {
      inverted_conv: unit(mid, { ...expand, groups: c.groups }),
      depth_conv: unit(mid, { ...depth, kernel, stride, groups: mid }),
      point_conv: unit(out),
    });
  };

export const fusedBottleneck =
  (c: Style, { out, ratio, stride = 1, kernel = 3 }: BottleneckOptions, bias: boolean): Module =>
  (s, x) => {
    const mid = roundHalfEven(s.channels(x) * ratio);
    return s.chain(x, {
      spatial_conv: unit(mid, { kernel, stride, groups: c.groups, bias, act: c.act }),
      point_conv: unit(out),
    });
  };

export const residualBlock =
  (main: Module): Module =>
  (s, x) =>
    s.add(s.call("main", main, x), x);

/** Zeros below and to the right up to whole strides. */
function completed(s: Scope, x: Value, stride: number): Value {
  if (stride === 1) return x;
  const [down = 0, right = 0] = [2, 3].map((axis) => {
    const extent = x.type.shape[axis] ?? 0;
    return subDim(scaleDim(ceilDivDim(extent, stride), stride), extent);
  });
  return down === 0 && right === 0 ? x : s.pad(x, { padding: [0, 0, 0, 0, 0, 0, down, right] });
}

/** Attention of a map that a strided depthwise convolution made small; the result is spread by its nearest neighbours. */
export const convAttention =
  (c: Style, stride: number, fused: boolean): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const heads = Math.trunc(Math.max(1, Math.floor((channels * 0.5) / 30)));
    const dim = Math.trunc(Math.floor(channels / heads) * 0.5);
    const kernel = c.small ? 2 : stride > 1 ? 5 : 3;
    const few = s.chain(c.small ? completed(s, x, stride) : x, {
      conv_proj: unit(channels, { kernel, stride, groups: channels }),
      pwise: conv2d(3 * heads * dim),
    });
    const [h = 1, w = 1] = few.type.shape.slice(2);
    const [q, k, v] = splitByHead(s, toTokens(s, few), heads, [dim, dim, dim]);
    const mixed = toMap(s, mergeHeads(s, s.attention(q, k, v, undefined, { scale: dim ** -0.5 })), [h, w]);
    const project = conv2d(channels, { bias: true });
    const spread: Module = (t, y) =>
      stride === 1
        ? y
        : t.resize(y, {
            axes: [2, 3],
            size: [2, 3].map((axis) => scaleDim(y.type.shape[axis] ?? 1, stride)),
            mode: "nearest",
          });
    const large = s.chain(mixed, {
      o_proj: fused ? undefined : project,
      upsampling: (t, y) => t.sequence(y, fused ? [project, spread] : [spread]),
    });
    return cropped(s, large, x);
  };

/** The upper left part of a map, as large as `like`. */
const cropped = (s: Scope, x: Value, like: Value): Value =>
  [2, 3].reduce((y, axis) => {
    const extent = like.type.shape[axis] ?? 1;
    return sameDim(y.type.shape[axis] ?? extent, extent) ? y : s.slice(y, { axis, range: [0, extent] });
  }, x);

/** Attention, then an MLP of maps, each behind a norm over everything and added to its input. */
export const contextModule =
  (c: Style, o: { readonly stride: number; readonly fused: boolean; readonly mlpRatio: number }): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const norm = groupNorm(1);
    const attend: Module = (t, y) => t.sequence(y, [norm, convAttention(c, o.stride, o.fused)]);
    const mix: Module = (t, y) =>
      t.sequence(y, [
        norm,
        conv2d(channels * o.mlpRatio, { bias: true }),
        act("gelu"),
        conv2d(channels, { bias: true }),
      ]);
    return s.sequence(x, [residualBlock(attend), residualBlock(mix)]);
  };
