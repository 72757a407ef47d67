import { type Builder, builderAt } from "../../ir/builder.ts";
import { type Dim, isStatic, subDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import { Graph } from "../../ir/graph.ts";
import type { OpName } from "../../ir/ops/index.ts";
import { resizeTaps } from "../../ir/ops/resize.ts";
import type { Value } from "../../ir/value.ts";
import { ratio } from "./lower/resize.ts";

/** Says a value by other ops, or undefined where ONNX has its natural form. */
type Rewrite<N extends OpName> = (value: Value<N>, b: Builder, opset: number) => Value | undefined;

/**
 * A copy of a graph in which every value that runs has a form in ONNX's standard operators of one opset. Reordered
 * weights become weight expressions, which are evaluated at emission and cost nothing at run time. The function of every
 * output is the same. Throws `unsupported` where no exact form exists.
 */
export function legalize(graph: Graph, opset: number): Graph {
  const { graph: copy } = graph.clone();
  for (const value of copy.values()) {
    const rewrite = value.isWeight ? undefined : (rewrites[value.op] as Rewrite<OpName> | undefined);
    if (rewrite === undefined) continue;
    const origin = { path: value.origin.path, rules: [...value.origin.rules, `onnx-${value.op}`] };
    const result = rewrite(value, builderAt({ graph: copy, origin, before: value }), opset);
    if (result === undefined) continue;
    copy.replaceUses(value, result);
    copy.erase(value);
  }
  return copy;
}

/** The operand at an index, which the op requires. */
function operand(value: Value, index: number): Value {
  const x = value.operands[index];
  if (x === undefined) throw new TimmcError("invalid-ir", `%${value.name}: ${value.op} lacks operand ${index}`);
  return x;
}

const swapLast = (b: Builder, x: Value): Value => {
  const rank = x.type.shape.length;
  const perm = Array.from({ length: rank }, (_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
  return b.transpose(x, { perm });
};

/** x W^T + b; rank 2 is a Gemm, which takes W as it is. */
const linear: Rewrite<"linear"> = (value, b) => {
  const [x, weight, bias] = [operand(value, 0), operand(value, 1), value.operands[2]];
  if (x.type.shape.length === 2) return undefined;
  const product = b.matmul(x, swapLast(b, weight));
  return bias === undefined ? product : b.add(product, bias);
};

/** softmax((q scale) k^T + bias) v */
const attention: Rewrite<"attention"> = (value, b) => {
  const [q, k, v, bias] = [operand(value, 0), operand(value, 1), operand(value, 2), value.operands[3]];
  const scale = b.constant({ values: [value.attrs.scale], dtype: q.type.dtype, shape: [] });
  const products = b.matmul(b.mul(q, scale), swapLast(b, k));
  return b.matmul(b.softmax(bias === undefined ? products : b.add(products, bias), { axis: -1 }), v);
};

/** The end of the axis, then its beginning; a symbolic extent is taken to exceed the shift, as slice takes it. */
const roll: Rewrite<"roll"> = (value, b) => {
  const x = operand(value, 0);
  const { axis, shift } = value.attrs;
  const extent = x.type.shape[axis] ?? 1;
  const by = isStatic(extent) ? ((shift % extent) + extent) % extent : shift;
  if (by === 0) return x;
  const cut: Dim = by > 0 ? subDim(extent, by) : -by;
  return b.concat([b.slice(x, { axis, range: [cut, extent] }), b.slice(x, { axis, range: [0, cut] })], { axis });
};

/** Weight and bias are by channel, the norm of the groups is not: they are applied after it. */
const groupNorm: Rewrite<"group_norm"> = (value, b) => {
  const [x, weight, bias] = [operand(value, 0), value.operands[1], value.operands[2]];
  if (weight === undefined && bias === undefined) return undefined;
  const channels = [-1, ...x.type.shape.slice(2).map(() => 1)];
  const spread = (v: Value): Value => b.reshape(v, { shape: channels.with(0, Number(v.type.shape[0])) });
  const normed = b.group_norm(x, undefined, undefined, value.attrs);
  const scaled = weight === undefined ? normed : b.mul(normed, spread(weight));
  return bias === undefined ? scaled : b.add(scaled, spread(bias));
};

/** x / sqrt(mean(x^2) + eps) * weight; opset 23 has RMSNormalization. */
const rmsNorm: Rewrite<"rms_norm"> = (value, b, opset) => {
  const [x, weight] = [operand(value, 0), value.operands[1]];
  if (opset >= 23) return undefined;
  const eps = b.constant({ values: [value.attrs.eps], dtype: x.type.dtype, shape: [] });
  const square = b.reduce_mean(b.mul(x, x), { axes: [-1], keep: true });
  const normed = b.div(x, b.sqrt(b.add(square, eps)));
  return weight === undefined ? normed : b.mul(normed, weight);
};

/**
 * Interpolation is linear along each axis: y = R x with a constant R [to, from]. ONNX's Resize is kept where its grid,
 * rank and filter are those of torch on every runtime; elsewhere R is multiplied, or for nearest the rows are picked.
 */
const resize: Rewrite<"resize"> = (value, b, opset) => {
  const { axes, size, mode, antialias } = value.attrs;
  const x = operand(value, 0);
  if (isPlane(x, axes) && (mode === "nearest" ? nearestIsExact(value) : !antialias || opset >= 18)) return undefined;
  return axes.reduce((y, axis, i) => {
    const from = y.type.shape[axis];
    const to = size[i];
    if (from === undefined || to === undefined || !isStatic(from) || !isStatic(to))
      throw new TimmcError("unsupported", `%${value.name}: this resize needs static extents at opset ${opset}`, {
        hint: antialias ? "Compile with --opset 18 or with a fixed size." : "Compile with a fixed size.",
      });
    const taps = resizeTaps(from, to, value.attrs);
    if (mode !== "nearest") return multiplyAxis(b, y, axis, from, taps);
    const indices = taps.map(([tap]) => tap?.[0] ?? 0);
    return b.gather(y, b.constant({ values: indices, dtype: "i64", shape: [to] }), { axis });
  }, x);
};

/** The trailing axes of [N, C, H, W]: what runtimes implement for every mode. */
const isPlane = (x: Value, axes: readonly number[]): boolean =>
  x.type.shape.length === 4 && axes.length === 2 && axes.includes(2) && axes.includes(3);

/** Whether floor(i / (to / from)) in float32 never misses floor(i from / to): enlarging by whole factors. */
const nearestIsExact = ({ operands, attrs }: Value<"resize">): boolean =>
  attrs.axes.every((axis, i) => Number.isInteger(ratio(operands[0]?.type.shape[axis] ?? 1, attrs.size[i] ?? 1)));

type Taps = ReturnType<typeof resizeTaps>;

function multiplyAxis(b: Builder, x: Value, axis: number, from: number, taps: Taps): Value {
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

const rewrites: { readonly [N in OpName]?: Rewrite<N> } = {
  attention,
  group_norm: groupNorm,
  linear,
  resize,
  rms_norm: rmsNorm,
  roll,
};
