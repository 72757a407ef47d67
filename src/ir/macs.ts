import type { Graph } from "./graph.ts";
import { needed } from "./interpret.ts";
import { operandRecord } from "./op.ts";
import { opOf } from "./ops/index.ts";
import { type StaticType, isStaticType, substituteType } from "./type.ts";
import type { TensorType } from "./type.ts";
import type { Value } from "./value.ts";

/** Values of symbols, such as `{ N: 1 }`. */
type Symbols = Readonly<Record<string, number>>;
const oneImage: Symbols = { N: 1 };

const at = (type: TensorType, symbols: Symbols): StaticType | undefined => {
  const fixed = substituteType(type, symbols);
  return isStaticType(fixed) ? fixed : undefined;
};

/** Multiply-accumulates of one value, by default at batch 1; 0 for ops that do not count and for sizes that are not known. */
export function valueMacs(value: Value, symbols = oneImage): number {
  const spec = opOf(value.op);
  if (spec.macs === undefined || value.isWeight) return 0;
  const result = at(value.type, symbols);
  const types = value.operands.map((x) => (x === undefined ? undefined : at(x.type, symbols)));
  if (result === undefined || types.some((t, i) => t === undefined && value.operands[i] !== undefined)) return 0;
  return spec.macs(operandRecord(spec.operands, types), value.attrs, result);
}

/** Multiply-accumulates of everything that the outputs depend on, by default at batch 1. */
export const graphMacs = (graph: Graph, symbols = oneImage): number =>
  needed(graph).reduce((sum, value) => sum + valueMacs(value, symbols), 0);
