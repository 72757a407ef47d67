import type { AttrValue } from "../../ir/attr.ts";
import { type Dim, isStatic, mulDim, printDim } from "../../ir/dim.ts";
import type { OpName } from "../../ir/ops/index.ts";
import type { Value } from "../../ir/value.ts";
import { type Box, type Span, boxShape, broadcastBox, isWhole, wholeBox } from "./box.ts";

/** How an op computes a part of its result from parts of its operands. */
interface Transfer<N extends OpName = OpName> {
  /** Whether parts along an axis of the result need less than the whole result does; without, along every axis. */
  free?(value: Value<N>, axis: number): boolean;
  /** What a box of the result takes of every operand; of an operand that is left out, nothing. */
  operands(value: Value<N>, box: Box): readonly (Box | undefined)[];
  /** The attributes that compute the box from these parts, where they differ. */
  attrs?(value: Value<N>, box: Box): Readonly<Record<string, AttrValue>>;
}

/** The rule of an op; undefined where every element of the result is taken to need every operand whole. */
export const transferOf = (op: OpName): Transfer | undefined => transfers[op];

/** What a box of a value takes of every operand. */
export const operandBoxes = (value: Value, box: Box): readonly (Box | undefined)[] =>
  transferOf(value.op)?.operands(value, box) ?? value.operands.map(wholeOperand);

const wholeOperand = (x: Value | undefined): Box | undefined => (x === undefined ? undefined : wholeBox(x.type));
const shapeOf = (value: Value, operand: number): readonly Dim[] => value.operands[operand]?.type.shape ?? [];
const rank = (value: Value): number => value.type.shape.length;
const at = (box: Box, axis: number): Span => box.at(axis) ?? "all";

/** Every element depends on the elements of the same place. */
const elementwise: Transfer = {
  operands: (value, box) => value.operands.map((_, i) => broadcastBox(shapeOf(value, i), box)),
};

/** Along the last axis every element depends on all; weight and bias belong to this axis. */
const rowwise: Transfer = {
  free: (value, axis) => axis !== rank(value) - 1,
  operands: (value, box) => [box, ...value.operands.slice(1).map(wholeOperand)],
};

const softmax: Transfer<"softmax"> = {
  free: (value, axis) => axis !== value.attrs.axis,
  operands: (_, box) => [box],
};

const linear: Transfer<"linear"> = {
  operands: (_, box) => [[...box.slice(0, -1), "all"], [at(box, -1), "all"], [at(box, -1)]],
};

const matmul: Transfer<"matmul"> = {
  operands: (value, box) => [
    broadcastBox(shapeOf(value, 0), [...box.slice(0, -1), "all"]),
    broadcastBox(shapeOf(value, 1), [...box.slice(0, -2), "all", at(box, -1)]),
  ],
};

/** Queries are independent of each other; every one of them reads all keys and values. */
const attention: Transfer<"attention"> = {
  operands: (value, box) => {
    const lead = box.slice(0, -2);
    const scores: Box = [...lead, at(box, -2), "all"];
    return [scores, [...lead, "all", "all"], [...lead, "all", at(box, -1)], broadcastBox(shapeOf(value, 3), scores)];
  },
};

const transpose: Transfer<"transpose"> = {
  operands: ({ attrs: { perm } }, box) => [perm.map((_, axis) => at(box, perm.indexOf(axis)))],
};

/** The span of the operand that a slice reads; "all" where its bounds are symbolic or it reads nothing. */
function sliceSpan(value: Value<"slice">, span: Span): Span {
  const { axis, range, step } = value.attrs;
  const [first = 0] = range;
  const extent = value.type.shape[axis] ?? 0;
  if (!range.every(isStatic) || !isStatic(first) || !isStatic(extent) || extent === 0) return "all";
  const [start, end] = span === "all" ? [0, extent] : span;
  return [first + start * step, first + (end - 1) * step + 1];
}

const slice: Transfer<"slice"> = {
  free: (value, axis) => axis !== value.attrs.axis || sliceSpan(value, "all") !== "all",
  operands: (value, box) => [box.with(value.attrs.axis, sliceSpan(value, at(box, value.attrs.axis)))],
  attrs: (value, box) => {
    const span = sliceSpan(value, at(box, value.attrs.axis));
    return span === "all" ? value.attrs : { ...value.attrs, range: [0, span[1] - span[0]] };
  },
};

/** Every operand gives the part of the box that lies in it; the places of all must be numbers. */
const concat: Transfer<"concat"> = {
  free: (value, axis) =>
    axis !== value.attrs.axis || value.operands.slice(0, -1).every((_, i) => isStatic(shapeOf(value, i)[axis] ?? 0)),
  operands: (value, box) => {
    const { axis } = value.attrs;
    const span = at(box, axis);
    if (span === "all") return value.operands.map(() => box);
    let before = 0;
    return value.operands.map((_, i) => {
      const from = before;
      const extent = shapeOf(value, i)[axis] ?? 0;
      before += isStatic(extent) ? extent : Number.POSITIVE_INFINITY;
      const part = [Math.max(span[0], from) - from, Math.min(span[1], before) - from] as const;
      return part[0] < part[1] ? box.with(axis, part) : undefined;
    });
  },
};

/** Where an axis begins and ends in row-major order: axes of two shapes that agree in it are one axis. */
const places = (shape: readonly Dim[]): string[] => {
  let before: Dim = 1;
  return shape.map((extent) => {
    const from = before;
    before = mulDim(before, extent);
    return extent === 1 ? "" : `${printDim(from)} ${printDim(before)}`;
  });
};

/** An axis that stands on both sides, with as many elements before it and behind it, can be cut before as well as after. */
const reshape: Transfer<"reshape"> = {
  free: (value, axis) => {
    const place = places(value.type.shape)[axis] ?? "";
    return place !== "" && places(shapeOf(value, 0)).includes(place) && !value.type.shape.includes(0);
  },
  operands: (value, box) => {
    if (isWhole(box)) return value.operands.map(wholeOperand);
    const to = places(value.type.shape);
    return [places(shapeOf(value, 0)).map((place) => (place === "" ? "all" : (box[to.indexOf(place)] ?? "all")))];
  },
  attrs: (value, box) => ({ shape: boxShape(value.type.shape, box) }),
};

const expand: Transfer<"expand"> = {
  operands: elementwise.operands,
  attrs: (value, box) => ({ shape: boxShape(value.type.shape, box) }),
};

/** The axes of the indices stand where the axis was; every index may name any entry. */
const gather: Transfer<"gather"> = {
  operands: (value, box) => {
    const { axis } = value.attrs;
    const end = axis + shapeOf(value, 1).length;
    return [[...box.slice(0, axis), "all", ...box.slice(end)], box.slice(axis, end)];
  },
};

const transfers: { readonly [N in OpName]?: Transfer<N> } = {
  abs: elementwise,
  activation: elementwise,
  add: elementwise,
  attention,
  cast: elementwise,
  clamp: elementwise,
  concat,
  cos: elementwise,
  div: elementwise,
  equal: elementwise,
  exp: elementwise,
  expand,
  floor_div: elementwise,
  gather,
  layer_norm: rowwise,
  less: elementwise,
  linear,
  log: elementwise,
  matmul,
  maximum: elementwise,
  minimum: elementwise,
  mod: elementwise,
  mul: elementwise,
  neg: elementwise,
  pow: elementwise,
  reshape,
  rms_norm: rowwise,
  rsqrt: elementwise,
  sin: elementwise,
  slice,
  softmax,
  sqrt: elementwise,
  sub: elementwise,
  transpose,
  where: elementwise,
};
