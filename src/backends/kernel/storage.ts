import { shapeOf } from "./ops/shape.ts";
import type { Value } from "../../ir/value.ts";
import { rowMajor } from "./stored.ts";

export interface BuildOptions {
  /** How tensors are kept that the caller does not see, f32 by default; those of one axis and of odd rows stay f32. */
  readonly storage?: "f32" | "f16" | undefined;
  /** Tensors that stay f32 all the same, by their names. */
  readonly wide?: ReadonlySet<string> | undefined;
  /** Whether all places of a map are the rows of one matrix, where a convolution is a product of matrices. */
  readonly flat?: boolean | undefined;
  /** Whether products of matrices go to matrix instructions, which want the depth of both factors contiguous. */
  readonly matrices?: boolean | undefined;
}

export function storageOf(value: Value, order: readonly number[], { storage, wide }: BuildOptions): "f32" | "f16" {
  // Sums are small, and the first to leave the range of halves.
  if (wide?.has(value.name) === true || isReduction(value)) return "f32";
  const row = order.at(-1) ?? 0;
  const isEven = (x: Value): boolean => (shapeOf(x)[row] ?? 1) % 2 === 0 && partsOf(x, row).every(isEven);
  return storage === "f16" && order.length > 1 && isEven(value) ? "f16" : "f32";
}

const isReduction = ({ op }: Value): boolean => op === "reduce_sum" || op === "reduce_mean";

/** Values that lie next to each other in rows of a concatenation. */
const partsOf = (value: Value, row: number): Value[] =>
  value.op === "concat" && (value.attrs as { axis: number }).axis === row
    ? value.operands.filter((x) => x !== undefined)
    : [];

/** The order in which a kernel goes through a weight: output channels next to each other, or input channels for matrices. */
export function packing(
  value: Value,
  reader: Value | undefined,
  operand: number,
  { matrices }: BuildOptions,
): readonly number[] {
  const spatial = value.type.shape.map((_, i) => i).slice(2);
  const isFactor = operand === 1 && (reader?.op === "conv" || reader?.op === "linear");
  if (!isFactor || reader === undefined) return rowMajor(value);
  return matrices === true && isMatrixWork(reader) ? [0, ...spatial, 1] : [...spatial, 1, 0];
}

/** Whether an op is products of matrices that are wide enough for matrix instructions. */
export function isMatrixWork({ op, operands, attrs }: Value): boolean {
  const factor = operands[1]?.type.shape as readonly number[] | undefined;
  if (factor === undefined) return false;
  if (op === "attention") return (factor.at(-1) ?? 0) % 8 === 0;
  if (op === "matmul") return (factor.at(-1) ?? 0) % 8 === 0 && (factor.at(-2) ?? 0) % 8 === 0;
  const [columns = 0, depth = 0] = factor;
  const apart = op === "conv" && (attrs as { groups: number }).groups !== 1;
  return (op === "conv" || op === "linear") && !apart && columns % 8 === 0 && depth % 8 === 0;
}
