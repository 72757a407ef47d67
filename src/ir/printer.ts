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
  const braces = attrs.length > 0 ? ` {${attrs.join(", ")}}` : "";
  const rules = value.origin.rules.length > 0 ? ` by ${value.origin.rules.map(printName).join(", ")}` : "";
  const call = `${value.op}(${value.operands.map(printRef).join(", ")})`;
  return `${printRef(value)} = ${call}${braces} : ${printType(value.type)}${rules}`;
}

/** The attributes that are not what they are without being given: `axis=0`. */
export function printAttrs(value: Value): string[] {
  const specs = opOf(value.op).attrs;
  const rank = value.operands[0]?.type.shape.length ?? 0;
  return attrEntries(value)
    .filter(([name, v]) => !isDefault(specs[name], v, rank))
    .map(([name, v]) => `${name}=${printAttr(v)}`);
}

/** A value by its name, `$` for weights and `%` for the rest; `-` for an absent operand. */
export function printRef(value: Value | undefined): string {
  if (value === undefined) return "-";
  const path = value.origin.path === "" ? root : value.origin.path;
  return `${value.isWeight ? "$" : "%"}${printName(path)}${value.name.slice(path.length)}`;
}

/** Longer expressions are cut: an operand that is used twice is printed twice. */
const maxExpression = 400;

/** A weight as an expression of the parameters that it is made of: `concat(q.weight, k.weight, v.weight, axis=0)`. */
export function printExpression(value: Value): string {
  let room = maxExpression;
  const print = (v: Value | undefined): string => {
    if (v === undefined) return "-";
    if (room <= 0) return "...";
    if (v.op === "constant") return spend(`constant${printType(v.type).replace(/^[^[]*/, "")}`);
    const given: Readonly<Record<string, AttrValue>> = Object.fromEntries(attrEntries(v));
    if (v.op === "param") return spend(String(given["key"]));
    spend(v.op);
    const operands = v.operands.map(print);
    return `${v.op}(${[...operands, ...printAttrs(v).map(spend)].join(", ")})`;
  };
  const spend = (text: string): string => {
    room -= text.length;
    return text;
  };
  return print(value);
}

const isDefault = (spec: Attr<unknown> | undefined, value: AttrValue, rank: number): boolean =>
  spec?.default !== undefined && printAttr(spec.canonical(spec.default, rank) as AttrValue) === printAttr(value);
