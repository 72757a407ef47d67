import { shapeOf } from "./ops/shape.ts";
import type { Graph } from "../../ir/graph.ts";
import { type Value, is } from "../../ir/value.ts";
import { rootOf } from "./ops/root.ts";

/** How a graph's values depend on each other, as far as kernels care. */
export interface Uses {
  readonly outputs: ReadonlySet<Value>;
  /** The values that read a value, each once. */
  readonly users: ReadonlyMap<Value, readonly Value[]>;
}

export function usesOf(graph: Graph): Uses {
  const users = new Map<Value, Value[]>();
  for (const value of graph.values())
    for (const operand of operandsOf(value)) users.set(operand, [...(users.get(operand) ?? []), value]);
  return { outputs: new Set(graph.outputs.map((o) => o.value)), users };
}

/** What is computed when the model runs, each once. */
export const operandsOf = (value: Value): Value[] =>
  [...new Set(value.operands)].filter((x): x is Value => x !== undefined && !x.isWeight);

export const lengthOf = (value: Value): number => shapeOf(value).reduce((a, b) => a * b, 1);

/** Sums of products along the last axis or a window: their result has rows and output channels. */
export const isProduct = ({ op }: Value): boolean => op === "conv" || op === "linear" || op === "matmul";

/** A convolution of each channel by itself along rows and columns. */
export const isDepthwise = (value: Value): boolean =>
  is(value, "conv") &&
  value.attrs.groups > 1 &&
  shapeOf(value.operands[1] as Value)[1] === 1 &&
  shapeOf(value).length === 4;

export const isRoot = (value: Value): boolean => rootOf(value) !== undefined;
