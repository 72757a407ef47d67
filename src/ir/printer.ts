import { type Attr, type AttrValue, printAttr } from "./attr.ts";
import type { Graph } from "./graph.ts";
import { printName, root } from "./name.ts";
import { opOf } from "./ops/index.ts";
import { printType } from "./type.ts";
import { type Value, attrEntries } from "./value.ts";

/**
 * A graph as text, weights first; `parseGraph` reads it back exactly. Weights depend on weights alone, so the two groups
 * keep their order and operands still precede their users.
 */
export function printGraph(graph: Graph): string {
  const all = [...graph.values()];
  const weights = all.filter((v) => v.isWeight);
  const outputs = graph.outputs.map((o) => `${JSON.stringify(o.name)} = ${printRef(o.value)}`);
  const lines = [
    `graph @${printName(graph.name)} {`,
    ...(weights.length > 0 ? ["  weights {", ...weights.map((v) => `    ${printValue(v)}`), "  }"] : []),
    ...all.filter((v) => !v.isWeight).map((v) => `  ${printValue(v)}`),
    ...(outputs.length > 0 ? [`  return ${outputs.join(", ")}`] : []),
    "}",
    "",
  ];
  return lines.join("\n");
}

/** One value as its line of the text: `%layer1.0.act2~1 = add(%a, %b) : f32[N,64,56,56] by fuse-x`. */
export function printValue(value: Value): string {
  const attrs = printAttrs(value);
  const braces = attrs === "" ? "" : ` {${attrs}}`;
  const rules = value.origin.rules.length > 0 ? ` by ${value.origin.rules.map(printName).join(", ")}` : "";
  const call = `${value.op}(${value.operands.map(printRef).join(", ")})`;
  return `${printRef(value)} = ${call}${braces} : ${printType(value.type)}${rules}`;
}

/** The attributes that are not the default: `stride=[2,2], padding=[3,3]`. */
export function printAttrs(value: Value): string {
  const specs = opOf(value.op).attrs;
  const rank = value.operands[0]?.type.shape.length ?? 0;
  return attrEntries(value)
    .filter(([name, v]) => !isDefault(specs[name], v, rank))
    .map(([name, v]) => `${name}=${printAttr(v)}`)
    .join(", ");
}

/** A value by its name, `$` for weights and `%` for the rest; `-` for an absent operand. */
export function printRef(value: Value | undefined): string {
  if (value === undefined) return "-";
  const path = value.origin.path === "" ? root : value.origin.path;
  return `${value.isWeight ? "$" : "%"}${printName(path)}${value.name.slice(path.length)}`;
}

const isDefault = (spec: Attr<unknown> | undefined, value: AttrValue, rank: number): boolean =>
  spec?.default !== undefined && printAttr(spec.canonical(spec.default, rank) as AttrValue) === printAttr(value);
