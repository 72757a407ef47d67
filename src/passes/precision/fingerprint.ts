import { createHash } from "node:crypto";
import { printAttr } from "../../ir/attr.ts";
import type { Graph } from "../../ir/graph.ts";
import { needed } from "../../ir/interpret.ts";
import { opOf } from "../../ir/ops/index.ts";
import { type Value, attrEntries } from "../../ir/value.ts";

/**
 * Tells a graph by what its outputs depend on: the names of values, their ops, operands, element types and attributes, as
 * a SHA-256 in lower-case hexadecimal. Extents that follow from the input, and attributes that name such extents, are
 * left out, so that one batch has the fingerprint of another; so are the outputs, which choose among values.
 */
export function fingerprint(graph: Graph): string {
  const hash = createHash("sha256");
  for (const value of needed(graph)) hash.update(`${lineOf(value)}\n`);
  return hash.digest("hex");
}

function lineOf(value: Value): string {
  const { attrs } = opOf(value.op);
  const kept = attrEntries(value).filter(([name]) => attrs[name]?.type !== "dims");
  const written = kept.map(([name, attr]) => `${name}=${printAttr(attr)}`);
  const operands = value.operands.map((x) => (x === undefined ? "-" : JSON.stringify(x.name)));
  return `${JSON.stringify(value.name)} ${value.type.dtype} ${value.op}(${operands.join(",")}){${written.join(",")}}`;
}
