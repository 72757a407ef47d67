import { isStatic } from "../../ir/dim.ts";
import { isFloat } from "../../ir/dtype.ts";
import { largestHalf } from "../../ir/float.ts";
import type { Graph } from "../../ir/graph.ts";
import { needed } from "../../ir/interpret.ts";
import type { OpName } from "../../ir/ops/index.ts";
import { count, isStaticType, substituteType } from "../../ir/type.ts";
import { type Value, is } from "../../ir/value.ts";
import { type Calibration, rangeOf } from "./calibration.ts";

/**
 * What an op is to numbers of 16 bits.
 * - `product`: sums of products, which runtimes accumulate wider than their operands.
 * - `each`: takes every element alone, or picks among elements.
 * - `move`: gives elements of its operands as they are.
 * - `sum`: adds elements up.
 * - `wide`: squares, divides or exponentiates, or holds whole numbers: 11 bits or five of exponent are too few.
 */
type Kind = "product" | "each" | "move" | "sum" | "wide";

const kinds: { readonly [N in OpName]: Kind } = {
  abs: "each",
  activation: "each",
  add: "each",
  attention: "product",
  avg_pool: "sum",
  batch_norm: "wide",
  cast: "wide",
  clamp: "each",
  concat: "move",
  constant: "wide",
  conv: "product",
  cos: "wide",
  dequantize: "wide",
  div: "each",
  dynamic_matmul: "wide",
  equal: "wide",
  exp: "wide",
  expand: "move",
  floor_div: "wide",
  fused_conv: "product",
  gather: "move",
  group_norm: "wide",
  input: "wide",
  iota: "wide",
  layer_norm: "wide",
  less: "wide",
  linear: "product",
  log: "wide",
  lstm: "wide",
  matmul: "product",
  max_pool: "each",
  maximum: "each",
  minimum: "each",
  mod: "wide",
  mul: "each",
  neg: "each",
  packed_attention: "product",
  pad: "move",
  param: "wide",
  pow: "wide",
  quantize: "wide",
  reduce_max: "each",
  reduce_mean: "sum",
  reduce_sum: "sum",
  reshape: "move",
  resize: "product",
  rms_norm: "wide",
  roll: "move",
  rsqrt: "wide",
  sin: "wide",
  slice: "move",
  softmax: "wide",
  sqrt: "wide",
  sub: "each",
  transpose: "move",
  where: "each",
};

/**
 * A sum of n halves that is accumulated in halves is off by up to n / 2 units in the last place of 11 bits, and from
 * n = 2,048 on equal terms add nothing. 16 terms leave seven bits at worst, and are what windows of 2 x 2 to 4 x 4 have.
 */
const mostTerms = 16;

/** Pictures that were not seen may go this much further than those that were. */
const margin = 8;
const largest = largestHalf / margin;
/** Of normal halves. Below 16 times that, a sixteenth of the largest number seen has lost bits. */
const least = 16 * 2 ** -14;

/**
 * The f32 values that run and stay f32 where all others become halves: their ops compute in float32 on float32 operands.
 *
 * By structure: norms, softmax, roots, powers and what divides by a running value, recurrences, sums of more than
 * `mostTerms`, comparisons, what comes of integers, and everything between a pooling and the gate that it makes
 * (squeeze-excite). By range, where a calibration is given: a value that exceeds `largest`, or of which nothing exceeds
 * `least`, with what reads it, and attention whose scores may exceed it. Squares need no rule of range: what squares is
 * `wide`, whatever its operand. Last, ops of single elements join islands that they lie between, so that a cast stands
 * where least numbers pass it and a difference or a square is made in float32 before it is summed.
 */
export function floatIslands(graph: Graph, calibration: Calibration | undefined): ReadonlySet<Value> {
  const values = needed(graph).filter((v) => !v.isWeight);
  const islands = new Set<Value>();
  for (const value of values) {
    if (isWide(value) || (calibration !== undefined && exceeds(value, calibration))) islands.add(value);
    if (is(value, "mul")) for (const x of gateOf(value)) islands.add(x);
  }
  join(graph, values, islands);
  return islands;
}

function isWide(value: Value): boolean {
  switch (kinds[value.op]) {
    case "wide":
      return true;
    case "sum":
      return termsOf(value) > mostTerms;
    case "each":
      return (
        (is(value, "div") && value.operands[1]?.isWeight === false) ||
        (is(value, "activation") && value.attrs.kind === "celu") ||
        value.type.dtype === "bool" ||
        value.operands.some(isBeyondHalf)
      );
    default:
      return false;
  }
}

/** Elements that are added up for one; infinite where that depends on the input. A global mean counts as large. */
function termsOf(value: Value): number {
  const [x] = value.operands;
  if (is(value, "avg_pool")) {
    const whole = x?.type.shape.slice(2).every((extent, i) => extent === value.attrs.kernel[i]) ?? false;
    return whole ? Number.POSITIVE_INFINITY : count(value.attrs.kernel);
  }
  if (!is(value, "reduce_mean") && !is(value, "reduce_sum")) return 1;
  const extents = value.attrs.axes.map((axis) => x?.type.shape[axis] ?? 1);
  return extents.every(isStatic) ? count(extents) : Number.POSITIVE_INFINITY;
}

/** A constant that halves have no number for, such as the least float32 of a mask. */
const isBeyondHalf = (x: Value | undefined): boolean =>
  is(x, "constant") && isFloat(x.type.dtype) && x.attrs.values.some((v) => Math.abs(v) > largestHalf);

function exceeds(value: Value, calibration: Calibration): boolean {
  return (
    value.operands.some((x) => x !== undefined && !fits(x, calibration)) ||
    !fits(value, calibration) ||
    scoresOf(value, calibration) > largest
  );
}

function fits(value: Value, calibration: Calibration): boolean {
  const magnitude = magnitudeOf(value, calibration);
  return magnitude === 0 || (magnitude >= least && magnitude <= largest);
}

/** The largest number seen, with its sign dropped; 0 for what was not seen, which has no elements or does not run. */
function magnitudeOf(value: Value, calibration: Calibration): number {
  const range = value.isWeight || value.type.dtype !== "f32" ? undefined : rangeOf(calibration, value);
  return range === undefined ? 0 : Math.max(-range.min, range.max);
}

/** What the scores of an attention cannot exceed: D numbers of a query, scaled, by as many of a key. */
function scoresOf(value: Value, calibration: Calibration): number {
  if (!is(value, "attention") && !is(value, "packed_attention")) return 0;
  const [q, k] = value.operands;
  const width = q?.type.shape.at(-1) ?? 1;
  if (q === undefined || k === undefined || !isStatic(width)) return Number.POSITIVE_INFINITY;
  const heads = is(value, "packed_attention") ? value.attrs.heads : 1;
  return (width / heads) * value.attrs.scale * magnitudeOf(q, calibration) * magnitudeOf(k, calibration);
}

/**
 * What makes the factor of a product that is repeated over the other factor, as far as it comes of a pooling: every value
 * that is smaller than the other factor, from what sums on.
 */
function gateOf({ operands: [a, b] }: Value<"mul">): Iterable<Value> {
  if (a === undefined || b === undefined || a.isWeight || b.isWeight) return [];
  const [sizeA, sizeB] = [sizeOf(a), sizeOf(b)];
  if (sizeA === sizeB) return [];
  const [gate, most] = sizeA < sizeB ? [a, sizeB] : [b, sizeA];
  const found = new Map<Value, boolean>();
  const comesOfPooling = (x: Value): boolean => {
    const known = found.get(x);
    if (known !== undefined) return known;
    if (x.isWeight || sizeOf(x) >= most) return false;
    const made = x.operands.map((y) => y !== undefined && comesOfPooling(y));
    const answer = kinds[x.op] === "sum" || made.includes(true);
    found.set(x, answer);
    return answer;
  };
  comesOfPooling(gate);
  return [...found].flatMap(([x, answer]) => (answer ? [x] : []));
}

/** Elements of one image. */
function sizeOf({ type }: Value): number {
  const one = substituteType(type, { N: 1 });
  return isStaticType(one) ? count(one.shape) : Number.POSITIVE_INFINITY;
}

/** Adds what lies between islands; outputs are float32 and count as readers of it. */
function join(graph: Graph, values: readonly Value[], islands: Set<Value>): void {
  const running = ({ operands }: Value): Value[] =>
    operands.filter((x): x is Value => x !== undefined && !x.isWeight && x.type.dtype === "f32");
  // The arithmetic of the picture, before anything is learned: pixels are whole numbers up to 255.
  const pixels = new Set(values.filter((v) => v.op === "input" || v.op === "cast"));
  for (const value of values)
    if (kinds[value.op] === "each" && running(value).every((x) => pixels.has(x))) pixels.add(value);
  for (const value of pixels) islands.add(value);
  const wantedWide = new Map<Value, boolean>(graph.outputs.map(({ value }) => [value, true]));
  const wants = (value: Value, wide: boolean): void => {
    for (const x of running(value)) wantedWide.set(x, (wantedWide.get(x) ?? true) && wide);
  };
  for (const value of values.toReversed()) {
    const wanted = wantedWide.get(value) ?? false;
    if (kinds[value.op] === "each" && wanted) islands.add(value);
    wants(value, islands.has(value) || (kinds[value.op] === "move" && wanted));
  }
  for (const value of values)
    if (kinds[value.op] === "move" && wantedWide.get(value) === true && running(value).every((x) => islands.has(x)))
      islands.add(value);
}
