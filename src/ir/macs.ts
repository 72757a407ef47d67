import type { Graph } from "./graph.ts";
import { needed } from "./interpret.ts";
import { operandRecord } from "./op.ts";
import { opOf } from "./ops/index.ts";
import { type StaticType, isStaticType, substituteType } from "./type.ts";
import type { TensorType } from "./type.ts";
import type { Value } from "./value.ts";

const atBatchOne = (type: TensorType): StaticType | undefined => {
  const one = substituteType(type, { N: 1 });
  return isStaticType(one) ? one : undefined;
};

/** Multiply-accumulates of one value at batch 1; 0 for ops that do not count and for sizes that are not known. */
export function valueMacs(value: Value): number {
  const spec = opOf(value.op);
  if (spec.macs === undefined || value.isWeight) return 0;
  const result = atBatchOne(value.type);
  const types = value.operands.map((x) => (x === undefined ? undefined : atBatchOne(x.type)));
  if (result === undefined || types.some((t, i) => t === undefined && value.operands[i] !== undefined)) return 0;
  return spec.macs(operandRecord(spec.operands, types), value.attrs, result);
}

/** Multiply-accumulates of everything that the outputs depend on, at batch 1. */
export const graphMacs = (graph: Graph): number => needed(graph).reduce((sum, value) => sum + valueMacs(value), 0);
