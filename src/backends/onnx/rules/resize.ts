/**
 * Interpolation is linear along each axis: resize(x) = R x with a constant R [to, from] per axis. ONNX's Resize is kept
 * where its grid, rank and filter are those of torch on every runtime; elsewhere R is multiplied, or for nearest the
 * rows are picked. R needs static extents: along a symbolic one x is seen as a map [1, before, from, after], which Resize
 * takes, but for nearest: `unsupported`.
 */
import type { Builder } from "../../../ir/builder.ts";
import { type Dim, isStatic, mulDim } from "../../../ir/dim.ts";
import { TimmcError } from "../../../ir/error.ts";
import { resizeTaps } from "../../../ir/ops/resize.ts";
import type { Value } from "../../../ir/value.ts";
import { any, op } from "../../../passes/pattern.ts";
import { type Rule, defineRule } from "../../../passes/rule.ts";
import { ratio } from "../lower/resize.ts";
import { swapLast } from "./swap-last.ts";

export const resize = (opset: number): Rule =>
  defineRule({
    name: "onnx-resize",
    pattern: op.resize(any("x")),
    where: ({ root }) => !isNative(root, opset) || `Resize of opset ${opset} is the same`,
    rewrite: ({ root, x }, b) => {
      const { axes, size, mode } = root.attrs;
      return axes.reduce((y, axis, i) => {
        const [from, to] = [y.type.shape[axis], size[i]];
        if (from === undefined || to === undefined) throw symbolic(root, opset);
        if (!isStatic(from) || !isStatic(to)) return asMap(b, y, axis, to, root, opset);
        const taps = resizeTaps(from, to, root.attrs);
        if (mode !== "nearest") return multiplyAxis(b, y, axis, from, taps);
        const indices = taps.map(([tap]) => tap?.[0] ?? 0);
        return b.gather(y, b.constant({ values: indices, dtype: "i64", shape: [to] }), { axis });
      }, x);
    },
  });

const symbolic = (value: Value<"resize">, opset: number): TimmcError =>
  new TimmcError("unsupported", `%${value.name}: this resize needs static extents at opset ${opset}`, {
    hint: value.attrs.antialias ? "Compile with --opset 18 or with a fixed size." : "Compile with a fixed size.",
  });

/** One axis of any tensor as the height of a map whose width stays. */
function asMap(b: Builder, x: Value, axis: number, to: Dim, root: Value<"resize">, opset: number): Value {
  const { shape } = x.type;
  const inner = mulDim(...shape.slice(axis + 1));
  const map = b.reshape(x, { shape: [1, mulDim(...shape.slice(0, axis)), shape[axis] ?? 1, inner] });
  const { mode, antialias, align_corners } = root.attrs;
  const resized = b.resize(map, { axes: [2, 3], size: [to, inner], mode, antialias, align_corners });
  if (!isNative(resized, opset)) throw symbolic(root, opset);
  return b.reshape(resized, { shape: shape.with(axis, to) });
}

/** The trailing axes of [N, C, H, W] are what runtimes implement for every mode. */
function isNative({ operands, attrs }: Value<"resize">, opset: number): boolean {
  const from = operands[0]?.type.shape ?? [];
  const { axes, size, mode, antialias } = attrs;
  if (from.length !== 4 || axes.length !== 2 || !axes.includes(2) || !axes.includes(3)) return false;
  if (mode !== "nearest") return !antialias || opset >= 18;
  // floor(i / (to / from)) in float32 never misses floor(i from / to) where to is a multiple of from.
  return axes.every((axis, i) => Number.isInteger(ratio(from[axis] ?? 1, size[i] ?? 1)));
}

function multiplyAxis(b: Builder, x: Value, axis: number, from: number, taps: ReturnType<typeof resizeTaps>): Value {
  const values = taps.flatMap((row) => {
    const dense = Array.from({ length: from }, () => 0);
    for (const [j, w] of row) dense[j] = w;
    return dense;
  });
  const matrix = b.constant({ values, dtype: x.type.dtype, shape: [taps.length, from] });
  const rank = x.type.shape.length;
  if (axis === rank - 2) return b.matmul(matrix, x);
  const toLast = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  const moved = axis === rank - 1 ? x : b.transpose(x, { perm: toLast });
  const product = b.matmul(moved, swapLast(b, matrix));
  return axis === rank - 1 ? product : b.transpose(product, { perm: toLast });
}
