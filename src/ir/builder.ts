import type { AttrValue } from "./attr.ts";
import type { Graph } from "./graph.ts";
import { type OpName, type Ops, opNames, opOf } from "./ops/index.ts";
import type { Attr } from "./attr.ts";
import type { AttrSpecs } from "./op.ts";
import type { Operands, Origin, Value } from "./value.ts";

/** Attributes as builders take them: those with a default may be left out (an explicit undefined counts as left out). */
type Given<A extends AttrSpecs> = { readonly [K in keyof A]?: A[K] extends Attr<infer T> ? T | undefined : never };

/** A method per op: operands in order, then its attributes. `b.conv(x, weight, undefined, { stride: [2, 2], ... })` */
export type Builder = {
  readonly [N in OpName]: (...args: [...Operands<N>, attrs?: Given<Ops[N]["attrs"]>]) => Value<N>;
};

/** Where a builder puts what it makes. */
interface Insertion {
  readonly graph: Graph;
  readonly origin: Origin;
  readonly before?: Value | undefined;
}

/** Calls one op of the builder on any insertion point; Scope and rewriting rules share it. */
export function build(point: Insertion, name: OpName, args: readonly unknown[]): Value {
  const spec = opOf(name);
  const variadic = spec.operands.at(-1)?.endsWith("*") ?? false;
  const operands = args.slice(0, spec.operands.length) as (Value | undefined | readonly Value[])[];
  const flat = variadic ? operands.flat() : operands;
  const attrs = (args[spec.operands.length] ?? {}) as Readonly<Record<string, AttrValue | undefined>>;
  return point.graph.insert(name, flat as (Value | undefined)[], attrs, point.origin, point.before);
}

export const builderAt = (point: Insertion): Builder =>
  Object.fromEntries(opNames.map((n) => [n, (...args: unknown[]) => build(point, n, args)])) as unknown as Builder;
