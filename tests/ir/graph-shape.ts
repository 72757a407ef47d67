import { printAttr } from "../../src/ir/attr.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { printType } from "../../src/ir/type.ts";
import { attrEntries } from "../../src/ir/value.ts";

/** Everything that a graph says, as plain data and without its own printer; weights first, as the text orders them. */
export function shapeOf(graph: Graph): unknown {
  const values = [...graph.values()];
  const ordered = [...values.filter((v) => v.isWeight), ...values.filter((v) => !v.isWeight)];
  return {
    name: graph.name,
    size: graph.size,
    values: ordered.map((v) => ({
      name: v.name,
      op: v.op,
      operands: v.operands.map((x) => x?.name ?? null),
      attrs: attrEntries(v).map(([name, value]) => [name, printAttr(value)]),
      type: printType(v.type),
      origin: v.origin,
      uses: v.uses,
      isWeight: v.isWeight,
    })),
    outputs: graph.outputs.map((o) => [o.name, o.value.name]),
  };
}
