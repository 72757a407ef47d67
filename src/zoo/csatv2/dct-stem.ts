/** From a normalised picture to the normalised 8x8 DCT coefficients of its Y, Cb and Cr, and a convolution over each. */
import { floorDivDim, sameDim, scaleDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { conv2d } from "../layers/conv.ts";
import { split } from "../layers/split.ts";
import type { Module, Scope } from "../scope.ts";
import { dctMean, dctVariance } from "./statistics.ts";

const side = 8;
const coefficients = side * side;
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Rows of y = 0.299 R + 0.587 G + 0.114 B, 0.564 (B - y) + 128, 0.713 (R - y) + 128, over R, G, B. */
const luma = [0.299, 0.587, 0.114];
const chroma = (factor: number, own: number): number[] => luma.map((v, i) => factor * ((i === own ? 1 : 0) - v));
const toYcc = [...luma, ...chroma(0.564, 2), ...chroma(0.713, 0)];
const offsets = [0, 128, 128];

/** Positions of a square in zigzag order: along its diagonals, up and down in turn. */
const zigzag = (n: number): number[] =>
  Array.from({ length: 2 * n - 1 }, (_, sum) => {
    const rows = Array.from({ length: n }, (_r, i) => i).filter((i) => sum - i >= 0 && sum - i < n);
    const order = sum % 2 === 0 ? rows.toReversed() : rows;
    return order.map((i) => i * n + (sum - i));
  }).flat();

/** The orthonormal DCT-II: row k holds cos(pi (2 i + 1) k / 16) sqrt(2 / 8), the first one sqrt(1 / 8). */
const dctMatrix = (s: Scope): Value => {
  const float = (axis: 0 | 1, shape: number[]): Value => s.cast(s.iota({ axis, shape }), { to: "f32" });
  const k = float(0, [side, 1]);
  const i = float(1, [1, side]);
  const odd = s.add(s.mul(i, s.scalar(2)), s.scalar(1));
  const waves = s.cos(s.mul(s.mul(odd, k), s.scalar(Math.PI / (2 * side))));
  const first = s.less(k, s.scalar(0.5));
  return s.mul(waves, s.where(first, s.scalar(Math.sqrt(1 / side)), s.scalar(Math.sqrt(2 / side))));
};

/** The two-dimensional waves as the kernels of a convolution, [64, 1, 8, 8], in zigzag order. */
const dctKernels = (s: Scope): Value =>
  s.shared("8x8 DCT kernels", () => {
    const matrix = dctMatrix(s);
    const rows = s.reshape(matrix, { shape: [side, 1, side, 1] });
    const columns = s.reshape(matrix, { shape: [1, side, 1, side] });
    const waves = s.reshape(s.mul(rows, columns), { shape: [coefficients, side, side] });
    const order = s.constant({ values: zigzag(side), dtype: "i64", shape: [coefficients] });
    return s.reshape(s.gather(waves, order, { axis: 0 }), { shape: [coefficients, 1, side, side] });
  });

/** ImageNet's normalisation undone, then Y, Cb and Cr of values from 0 to 255. */
function colours(s: Scope, x: Value): Value {
  const perChannel = (values: readonly number[]): Value => s.constant({ values: [...values], shape: [3, 1, 1] });
  const rgb = s.mul(s.add(s.mul(x, perChannel(imagenet.std)), perChannel(imagenet.mean)), s.scalar(255));
  const matrix = s.constant({ values: toYcc, shape: [3, 3, 1, 1] });
  const mixed = s.conv(rgb, matrix, undefined, { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0] });
  return s.add(mixed, perChannel(offsets));
}

export const dctStem =
  (out: number): Module =>
  (s, x) => {
    const [, , h = 1, w = 1] = x.type.shape;
    for (const extent of [h, w])
      if (!sameDim(scaleDim(floorDivDim(extent, side), side), extent))
        throw new TimmcError("unsupported", `the DCT takes whole squares of ${side} pixels`, {
          hint: "choose an --input-size of multiples of 8",
        });
    // The checkpoint holds the matrix, which is the same for every network.
    s.at("transform").at("transform").param("weights", [side, side], { kind: "buffer" });
    const kernels = s.expand(s.reshape(dctKernels(s), { shape: [1, coefficients, 1, side, side] }), {
      shape: [3, coefficients, 1, side, side],
    });
    const waves = s.conv(colours(s, x), s.reshape(kernels, { shape: [3 * coefficients, 1, side, side] }), undefined, {
      stride: [side, side],
      dilation: [1, 1],
      padding: [0, 0, 0, 0],
      groups: 3,
    });
    const table = (values: readonly number[]): Value =>
      s.constant({ values: [...values], shape: [3 * coefficients, 1, 1] });
    const deviation = dctVariance.flat().map((v) => Math.sqrt(v) + 1e-8);
    const normalised = s.div(s.sub(waves, table(dctMean.flat())), table(deviation));
    const [y, cb, cr] = split(s, normalised, [coefficients, coefficients, coefficients], 1);
    const unit = out / 8;
    const parts = [
      s.call("conv_y", conv2d(6 * unit, { bias: true }), y),
      s.call("conv_cb", conv2d(unit, { bias: true }), cb),
      s.call("conv_cr", conv2d(unit, { bias: true }), cr),
    ];
    return s.concat(parts, { axis: 1 });
  };
