import { type Dim, floorDivDim, mulDim, printDim, sameDim, scaleDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Module, Scope } from "../scope.ts";
import { conv2d } from "./conv.ts";
import { type ConvNormActOptions, convNormAct } from "./conv-norm-act.ts";
import { makeDivisible } from "./rounding.ts";

interface BilinearAttentionOptions {
  /** Rows and columns of blocks that the map is cut into. */
  readonly blocks?: number;
  readonly groups?: number;
  readonly ratio?: number;
  readonly divisor?: number;
}

const style: Pick<ConvNormActOptions, "norm" | "act"> = { norm: { kind: "batchnorm2d" }, act: "relu" };

/** Positive numbers in rows that sum to 1 along an axis. */
const shares = (s: Scope, scores: Value, axis: number): Value => {
  const positive = s.activation(scores, { kind: "sigmoid" });
  return s.div(positive, s.reduce_sum(positive, { axes: [axis], keep: true }));
};

/** Pixels of a block along one side. */
function blockSide(x: Value, axis: number, blocks: number): Dim {
  const extent = x.type.shape[axis] ?? 0;
  const side = floorDivDim(extent, blocks);
  if (!sameDim(scaleDim(side, blocks), extent))
    throw new TimmcError(
      "unsupported",
      `a map of ${printDim(extent)} cannot be cut into ${blocks} blocks for attention`,
    );
  return side;
}

/**
 * y = P x Q per group of channels, where P mixes the b rows of blocks and Q the b columns, each made from a strip of
 * maxima. timm spreads P and Q to the size of the map by identity matrices; here pixels of one place in their block are
 * mixed by the small matrices themselves.
 */
const transform =
  (b: number, groups: number): Module =>
  (s, x) => {
    const [n = 1, c = 1] = x.type.shape;
    const channels = s.static(c, "the channels of attention");
    const [down, right] = [blockSide(x, 2, b), blockSide(x, 3, b)];
    const [h, w] = [scaleDim(down, b), scaleDim(right, b)];
    const squeezed = s.call("conv1", convNormAct(groups, style), x);
    const rowMax = s.reduce_max(s.reshape(squeezed, { shape: [n, groups, b, down, w] }), { axes: [3, 4] });
    const columnMax = s.reduce_max(s.reshape(squeezed, { shape: [n, groups, h, b, right] }), { axes: [2, 4] });
    const matrix = (name: string, strip: Value, kernel: readonly [number, number], axis: number): Value => {
      const lines = s.reshape(strip, { shape: [n, groups, ...kernel] });
      const scores = s.call(name, conv2d(b * b * groups, { kernel, padding: 0, bias: true }), lines);
      const square = shares(s, s.reshape(scores, { shape: [n, groups, b, b] }), axis);
      return s.reshape(square, { shape: [n, groups, 1, b, b] });
    };
    const p = matrix("conv_p", rowMax, [b, 1], 3);
    const q = matrix("conv_q", columnMax, [1, b], 2);
    const rows = s.reshape(x, { shape: [n, groups, channels / groups, b, mulDim(down, w)] });
    const mixed = s.reshape(s.matmul(p, rows), { shape: [n, channels, h, b, right] });
    const columns = s.transpose(mixed, { perm: [0, 1, 2, 4, 3] });
    const cells = s.reshape(columns, { shape: [n, groups, channels / groups, mulDim(h, right), b] });
    const both = s.reshape(s.matmul(cells, q), { shape: [n, channels, h, right, b] });
    const map = s.reshape(s.transpose(both, { perm: [0, 1, 2, 4, 3] }), { shape: [n, channels, h, w] });
    return s.call("conv2", convNormAct(channels, style), map);
  };

/** Bilinear attention transform as a residual branch (Chi et al. 2020, "Non-Local Neural Networks With Grouped Bilinear Attentional Transforms"). */
export const bilinearAttention =
  ({ blocks = 7, groups = 2, ratio = 0.25, divisor = 8 }: BilinearAttentionOptions = {}): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const y = s.chain(x, {
      conv1: convNormAct(makeDivisible(channels * ratio, divisor), style),
      ba: transform(blocks, groups),
      conv2: convNormAct(channels, style),
    });
    return s.add(y, x);
  };
