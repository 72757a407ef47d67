import { type AttrValue, printAttr } from "./attr.ts";
import { TimmcError, within } from "./error.ts";
import type { Graph } from "./graph.ts";
import { nameOf } from "./name.ts";
import { completeAttrs, resultType } from "./op.ts";
import { opOf } from "./ops/index.ts";
import { printRef } from "./printer.ts";
import { printType, sameType } from "./type.ts";
import { type Value, isWeightExpression } from "./value.ts";

/**
 * Checks every invariant of a graph: operands stand before their users and belong to the graph; use counts, types, attributes and
 * `isWeight` are what they would be if the value were made anew; names are unique and follow from the origins; outputs
 * belong to the graph and their names differ. Values that nothing uses are allowed. Throws `invalid-ir` with the first
 * problem and the number of further ones.
 */
export function verify(graph: Graph): void {
  const problems = [...problemsOf(graph)];
  const [first, ...others] = problems;
  if (first === undefined) return;
  const more = others.length === 0 ? undefined : `and ${others.length} more problem${others.length > 1 ? "s" : ""}`;
  throw new TimmcError(first.code, first.message, { trail: [`graph @${graph.name}`, ...first.trail], hint: more });
}

function* problemsOf(graph: Graph): Iterable<TimmcError> {
  const uses = countUses(graph);
  const seen = new Set<Value>();
  const names = new Set<string>();
  for (const value of graph.values()) {
    const checks = [
      () => checkName(value, names),
      () => checkOperands(graph, value, seen),
      () => checkUses(value, uses.get(value) ?? 0),
      () => checkParts(value),
    ];
    for (const check of checks) yield* problemOf(() => within(printRef(value), check));
    seen.add(value);
    names.add(value.name);
  }
  if (seen.size !== graph.size) yield broken(`${seen.size} values are linked, ${graph.size} are counted`);
  const outputs = new Set<string>();
  for (const { name, value } of graph.outputs) {
    const where = `output ${JSON.stringify(name)}`;
    if (outputs.has(name)) yield broken("another output has this name").within(where);
    if (!seen.has(value)) yield broken(`${printRef(value)} is not in the graph`).within(where);
    outputs.add(name);
  }
}

const broken = (message: string): TimmcError => new TimmcError("invalid-ir", message);

/** The TimmcError that `check` throws, if any. */
function problemOf(check: () => void): TimmcError[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof TimmcError) return [error];
    throw error;
  }
}

function countUses(graph: Graph): ReadonlyMap<Value, number> {
  const uses = new Map<Value, number>();
  for (const value of graph.values())
    for (const x of value.operands) if (x !== undefined) uses.set(x, (uses.get(x) ?? 0) + 1);
  return uses;
}

function checkName(value: Value, taken: ReadonlySet<string>): void {
  if (taken.has(value.name)) throw broken("another value has this name");
  const first = nameOf(value.origin.path, 0);
  const suffix = value.name.slice(first.length);
  if (!value.name.startsWith(first) || !/^(?:~[1-9]\d*)?$/.test(suffix))
    throw broken(`the name ${JSON.stringify(value.name)} does not follow from the path "${value.origin.path}"`);
}

function checkOperands(graph: Graph, value: Value, seen: ReadonlySet<Value>): void {
  for (const x of value.operands) {
    if (x === undefined || seen.has(x)) continue;
    throw broken(`uses ${printRef(x)}, which ${graph.owns(x) ? "stands behind it" : "is not in the graph"}`);
  }
}

function checkUses(value: Value, counted: number): void {
  if (value.uses !== counted) throw broken(`has ${counted} uses, but ${value.uses} are recorded`);
}

/** Makes the parts that follow from op, operands and attributes anew. */
function checkParts(value: Value): void {
  const spec = opOf(value.op);
  const given: Readonly<Record<string, AttrValue>> = { ...value.attrs };
  const attrs = completeAttrs(spec, given, value.operands[0]?.type.shape.length ?? 0);
  for (const [name, canonical] of Object.entries(attrs)) {
    const held = given[name];
    if (held === undefined) throw broken(`lacks the attribute '${name}'`);
    if (printAttr(held) !== printAttr(canonical))
      throw broken(`holds ${name}=${printAttr(held)}, whose canonical form is ${printAttr(canonical)}`);
  }
  const type = resultType(
    spec,
    value.operands.map((x) => x?.type),
    attrs,
  );
  if (!sameType(type, value.type))
    throw broken(`has type ${printType(value.type)}, but ${value.op} gives ${printType(type)}`);
  const isWeight = isWeightExpression(value.op, value.operands, attrs, type);
  if (isWeight !== value.isWeight) throw broken(`isWeight is ${value.isWeight}, but should be ${isWeight}`);
}
