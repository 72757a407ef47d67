import { axis, int, oneOf } from "../attr.ts";
import { type Dim, ceilDivDim, sameShape } from "../dim.ts";
import type { DType } from "../dtype.ts";
import { type NdArray, at, zeros } from "../ndarray.ts";
import { defineOp, need } from "../op.ts";
import { type TensorType, printType, tensor } from "../type.ts";

/** The integers that each element type of a quantised tensor holds. */
const limits = {
  u8: [0, 255],
  i8: [-128, 127],
  i4: [-8, 7],
  i32: [-(2 ** 31), 2 ** 31 - 1],
} as const satisfies { readonly [D in DType]?: readonly [number, number] };

type Quantized = keyof typeof limits;
export const isQuantized = (dtype: DType): dtype is Quantized => Object.hasOwn(limits, dtype);

export const granularity = { axis: axis(0), block: int(0) };
interface Granularity {
  readonly axis: number;
  readonly block: number;
}

/** What C2 and C3 say, in one place for both directions. */
export const granularityConstraints =
  "C2: the scale is one number, a vector along axis, or with a block of n the shape of x with one number for n " +
  "elements along axis. C3: the zero point has the scale's shape and the quantised element type.";

/** Throws by C2 and C3. */
export function checkGranularity(
  x: TensorType,
  scale: TensorType,
  zeroPoint: TensorType | undefined,
  quantized: DType,
  { axis, block }: Granularity,
): void {
  const extent: Dim | undefined = x.shape[axis];
  const shape =
    scale.shape.length === 0 ? [] : block > 0 ? x.shape.with(axis, ceilDivDim(extent ?? 0, block)) : [extent ?? 0];
  need(
    block >= 0 && (extent !== undefined || scale.shape.length === 0) && sameShape(scale.shape, shape),
    "C2",
    `a scale ${printType(scale)} of ${printType(x)} along axis ${axis}${block > 0 ? ` in blocks of ${block}` : ""}`,
  );
  const fits = zeroPoint === undefined || (zeroPoint.dtype === quantized && sameShape(zeroPoint.shape, scale.shape));
  need(
    fits,
    "C3",
    `a zero point ${zeroPoint === undefined ? "" : printType(zeroPoint)} of a scale ${printType(scale)}`,
  );
}

/** Calls `fn` with every element, its scale and its zero point. */
export function mapScaled(
  operands: { readonly x: NdArray; readonly scale: NdArray; readonly zero_point: NdArray | undefined },
  { axis, block }: Granularity,
  result: NdArray & { readonly data: Float64Array },
  fn: (x: number, scale: number, zeroPoint: number) => number,
): NdArray {
  const { x, scale, zero_point: zeroPoint } = operands;
  const inner = x.shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const extent = x.shape[axis] ?? 1;
  const place = scalePlace(scale.shape, { axis, block }, extent, inner);
  for (let i = 0; i < x.data.length; i++) {
    const j = place(i);
    result.data[i] = fn(x.data[i] as number, at(scale, j), zeroPoint === undefined ? 0 : at(zeroPoint, j));
  }
  return result;
}

/** Which scale an element has, by the flat index of the element. */
function scalePlace(
  shape: readonly number[],
  { axis, block }: Granularity,
  extent: number,
  inner: number,
): (index: number) => number {
  if (shape.length === 0) return () => 0;
  if (block === 0) return (i) => Math.floor(i / inner) % extent;
  const blocks = shape[axis] ?? 1;
  return (i) => {
    const outer = Math.floor(i / (inner * extent));
    const along = Math.floor(i / inner) % extent;
    return (outer * blocks + Math.floor(along / block)) * inner + (i % inner);
  };
}

/** The nearest integer, of two the even one. */
export function roundHalfEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/** An integer within the limits of its type; NaN becomes 0. */
export function saturate(x: number, to: Quantized): number {
  const [low, high] = limits[to];
  return Number.isNaN(x) ? 0 : Math.min(Math.max(x, low), high);
}

export const quantize = defineOp({
  name: "quantize",
  doc:
    "saturate(round(x / scale) + zero_point): x as integers of a type, rounded to the nearest, of two to the even one. " +
    `C1: the scale has the element type of x. ${granularityConstraints}`,
  operands: ["x", "scale", "zero_point?"],
  attrs: { to: oneOf(["u8", "i8", "i4", "i32"]), ...granularity },
  infer: ({ x, scale, zero_point: zeroPoint }, { to, axis, block }) => {
    need(scale.dtype === x.dtype, "C1", `a scale of ${scale.dtype} for ${x.dtype}`);
    checkGranularity(x, scale, zeroPoint, to, { axis, block });
    return tensor(to, x.shape);
  },
  evaluate: (operands, attrs, result) =>
    mapScaled(operands, attrs, zeros(result.dtype, result.shape), (x, scale, zeroPoint) =>
      saturate(roundHalfEven(x / scale) + zeroPoint, attrs.to),
    ),
});
