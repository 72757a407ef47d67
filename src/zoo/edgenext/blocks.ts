/** EdgeNeXt's blocks (Maaz et al. 2022, arXiv:2206.10589, fig. 2): ConvNeXt's, and split depthwise transpose attention. */
import type { Value } from "../../ir/value.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { crossCovariance } from "../layers/cross-covariance.ts";
import { fourierPositions } from "../layers/fourier-positions.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import { split } from "../layers/split.ts";
import type { Module, Scope } from "../scope.ts";

export const norm = layerNorm(1e-6);

const scaled = (s: Scope, gamma: string, x: Value): Value => s.mul(x, s.param(gamma, [x.type.shape.at(-1) ?? 0]));

/** Norm, MLP, scale on the last axis of [N, ..., C]. A hidden layer without width has that of its input. */
function mixChannels(s: Scope, x: Value, ratio: number, isScaled = true): Value {
  const width = s.features(x);
  const y = s.chain(x, { norm, mlp: mlp(Math.trunc(ratio * width) || width) });
  return isScaled ? scaled(s, "gamma", y) : y;
}

interface ConvBlockOptions {
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly bias: boolean;
  readonly ratio: number;
  /** Whether the branch has a scale. */
  readonly scaled: boolean;
}

/** Where the depthwise convolution changes the shape, the shortcut starts behind it. */
export const convBlock =
  ({ out, kernel, stride, bias, ratio, scaled: isScaled }: ConvBlockOptions): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const y = s.call("conv_dw", conv2d(out, { kernel, stride, bias, groups: channels }), x);
    const shortcut = stride > 1 || channels !== out ? y : x;
    const mixed = mixChannels(s, s.transpose(y, { perm: [0, 2, 3, 1] }), ratio, isScaled);
    return s.add(shortcut, s.transpose(mixed, { perm: [0, 3, 1, 2] }));
  };

interface SplitBlockOptions {
  readonly scales: number;
  readonly heads: number;
  readonly bias: boolean;
  readonly ratio: number;
  readonly positions: boolean;
}

/** Parts of the channels pass depthwise convolutions one after the other, each with what the last one gave; one is kept. */
function multiScale(s: Scope, x: Value, scales: number, bias: boolean): Value {
  const channels = s.channels(x);
  const convs = Math.max(1, scales - 1);
  const part = Math.ceil(channels / (convs + 1));
  const parts = split(s, x, [...Array<number>(convs).fill(part), channels - convs * part], 1);
  const outs: Value[] = [];
  parts.slice(0, -1).forEach((own, i) => {
    const before = outs.at(-1);
    const y = before === undefined ? own : s.add(before, own);
    outs.push(s.at("convs").call(i, depthwise({ kernel: 3, bias }), y));
  });
  return s.concat([...outs, ...parts.slice(-1)], { axis: 1 });
}

const bands = 32;

export const splitTransposeBlock =
  (o: SplitBlockOptions): Module =>
  (s, x) => {
    const [, c = 1, h = 1, w = 1] = x.type.shape;
    const width = s.static(c, "the channels of a block");
    const tokens = toTokens(s, multiScale(s, x, o.scales, o.bias));
    const project: Module = (t, table) => t.call("token_projection", conv2d(width, { bias: true }), table);
    const placed = o.positions
      ? s.add(tokens, toTokens(s, s.call("pos_embd", project, fourierPositions(s, [h, w], bands))))
      : tokens;
    const attended = s.chain(placed, { norm_xca: norm, xca: crossCovariance({ heads: o.heads, qkvBias: true }) });
    const y = s.add(placed, scaled(s, "gamma_xca", attended));
    return s.add(x, toMap(s, mixChannels(s, y, o.ratio), [h, w]));
  };
