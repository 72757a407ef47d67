import { bool, ints } from "../attr.ts";
import { type Dim, addDim, ceilDivDim, isStatic, printShape } from "../dim.ts";
import { type NdArray, at, zeros } from "../ndarray.ts";
import { need } from "../op.ts";
import { type StaticType, type TensorType, count, tensor } from "../type.ts";
import { unravel, windowExtent } from "./conv.ts";

/** Attributes that both pools share; padding lists the elements before every axis, then after. */
export const poolAttrs = { kernel: ints(), stride: ints(), padding: ints(), ceil: bool(false) };

interface PoolGeometry {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly ceil: boolean;
}

/**
 * Pooled type. With `ceil` a last window may overhang the end but must start inside the input or its leading padding,
 * as in torch.nn.functional.max_pool2d. That drops a window exactly where its start (out - 1) stride reaches
 * extent + before; since (out - 1) stride < extent + before + after - kernel + stride, never where after + stride <= kernel,
 * which symbolic extents therefore need (C4).
 */
export function inferPool(x: TensorType, a: PoolGeometry): TensorType {
  const rank = x.shape.length - 2;
  need(
    rank >= 1 && a.kernel.length === rank && a.stride.length === rank && a.padding.length === 2 * rank,
    "C1",
    `${rank} spatial axes`,
  );
  need(
    [...a.kernel, ...a.stride].every((n) => n >= 1),
    "C5",
    "kernel and stride are at least 1",
  );
  const [n = 0, c = 0, ...space] = x.shape;
  need(
    a.padding.every((p, i) => p >= 0 && p < (a.kernel[i % rank] ?? 1)),
    "C3",
    `padding [${a.padding.join(",")}] must be less than the kernel [${a.kernel.join(",")}]`,
  );
  need(
    !a.ceil || space.every(isStatic) || a.kernel.every((k, i) => (a.padding[i + rank] ?? 0) + (a.stride[i] ?? 1) <= k),
    "C4",
    `whether the last ceil window starts inside ${printShape(x.shape)} depends on the symbols`,
  );
  const out = space.map((extent, i): Dim => {
    const [k = 1, s = 1, before = 0, after = 0] = [a.kernel[i], a.stride[i], a.padding[i], a.padding[i + rank]];
    if (!a.ceil) return windowExtent(extent, k, s, 1, before + after);
    const up = addDim(ceilDivDim(addDim(extent, before + after - k), s), 1);
    return isStatic(up) && isStatic(extent) && (up - 1) * s >= extent + before ? up - 1 : up;
  });
  need(
    out.every((d) => !isStatic(d) || d > 0),
    "C2",
    "the window does not fit",
  );
  return tensor(x.dtype, [n, c, ...out]);
}

/** Calls `reduce` with the input positions of every window, and how many positions lie inside input and padding. */
export function evaluatePool(
  x: NdArray,
  a: PoolGeometry,
  result: StaticType,
  reduce: (values: readonly number[], padded: number) => number,
): NdArray {
  const out = zeros(result.dtype, result.shape);
  const space = x.shape.slice(2);
  const outSpace = result.shape.slice(2);
  const plane = count(outSpace);
  const inPlane = count(space);
  const rank = space.length;
  for (let p = 0; p < plane; p++) {
    const at0 = unravel(p, outSpace).map((o, d) => o * (a.stride[d] ?? 1) - (a.padding[d] ?? 0));
    const ends = space.map((extent, d) =>
      Math.min((at0[d] ?? 0) + (a.kernel[d] ?? 1), extent + (a.padding[d + rank] ?? 0)),
    );
    const padded = ends.reduce((n, end, d) => n * (end - (at0[d] ?? 0)), 1);
    const inside = positions(
      at0.map((s) => Math.max(s, 0)),
      ends.map((e, d) => Math.min(e, space[d] ?? 0)),
      space,
    );
    for (let lane = 0; lane < out.data.length / plane; lane++) {
      const values = inside.map((i) => at(x, lane * inPlane + i));
      out.data[lane * plane + p] = reduce(values, padded);
    }
  }
  return out;
}

/** Flat indices of a box in a row-major space. */
function positions(from: readonly number[], to: readonly number[], space: readonly number[]): number[] {
  const extents = from.map((f, d) => Math.max((to[d] ?? 0) - f, 0));
  return Array.from({ length: count(extents) }, (_, i) =>
    unravel(i, extents).reduce((flat, offset, d) => flat * (space[d] ?? 1) + offset + (from[d] ?? 0), 0),
  );
}
