import { shapeOf } from "./ops/shape.ts";
import type { OpName } from "../../ir/ops/index.ts";
import { type Value, is } from "../../ir/value.ts";
import { lengthOf, operandsOf } from "./uses.ts";

/** Tensors that a kernel reads besides weights; with these and its results it stays within 8 bindings. */
export const mostRead = 5;
/** Ways in which one kernel reads a value that is computed in place: each is a copy of the expression. */
export const mostPaths = 8;
/** Bytes that could be moved while a kernel starts. */
export const launch = 2 ** 18;
/** Operations that a device does while it moves a byte. */
export const operationsPerByte = 14;

const product = (ns: readonly number[]): number => ns.reduce((a, b) => a * b, 1);
/** Output channels that a thread holds: so often an element of a product is read once instead of many times. */
const held = 16;

/**
 * How often a root's kernel reads each element of an operand, on average: what is computed where it is read is computed
 * that often.
 */
export function readsPerElement(root: Value, operand: number): number {
  const shape = shapeOf(root);
  if (is(root, "conv")) {
    if (operand !== 0) return shape[0] ?? 1;
    const kernel = shapeOf(root.operands[1] as Value).slice(2);
    const window = product(kernel) / product(root.attrs.stride);
    return window * Math.max(1, (shape[1] ?? 1) / root.attrs.groups / held);
  }
  if (root.op === "linear" || root.op === "matmul")
    return Math.max(1, (operand === 0 ? (shape.at(-1) ?? 1) : (shape.at(-2) ?? 1)) / held);
  if (root.op === "attention") return operand === 3 ? 1 : (shape.at(-2) ?? 1);
  if (is(root, "avg_pool") || is(root, "max_pool")) return product(root.attrs.kernel) / product(root.attrs.stride);
  return passes[root.op] ?? 1;
}

const passes: { readonly [N in OpName]?: number } = {
  group_norm: 3,
  layer_norm: 3,
  lstm: Infinity,
  resize: 4,
  rms_norm: 2,
  softmax: 3,
};

/** Operations on numbers for one element of a point op; divisions and functions count for what they take. */
export function workOf(value: Value): number {
  const own = work[value.op] ?? (is(value, "activation") ? (cheap[value.attrs.kind] ?? 16) : 1);
  const others = operandsOf(value).slice(1);
  const fetched = others.reduce((sum, x) => sum + (lengthOf(x) * 16 <= lengthOf(value) ? 1 : 4), 0);
  return own + fetched;
}

const work: { readonly [N in OpName]?: number } = {
  batch_norm: 12,
  clamp: 2,
  cos: 8,
  div: 4,
  exp: 8,
  floor_div: 8,
  log: 8,
  mod: 8,
  pad: 0.25,
  pow: 16,
  rsqrt: 4,
  sin: 8,
  sqrt: 4,
};

const cheap: Readonly<Record<string, number>> = { relu: 1, relu6: 2, leaky_relu: 2, hard_sigmoid: 4, hard_swish: 5 };
