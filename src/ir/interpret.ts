import { substituteDim } from "./dim.ts";
import { TimmcError, within } from "./error.ts";
import type { Graph } from "./graph.ts";
import type { NdArray } from "./ndarray.ts";
import { operandRecord, resultType } from "./op.ts";
import { opOf } from "./ops/index.ts";
import { type StaticType, isStaticType, printType, substituteType } from "./type.ts";
import type { AttrValue } from "./attr.ts";
import { SymbolicDim } from "./dim.ts";
import { type Value, is } from "./value.ts";

/** What the reference semantics needs from outside: inputs by name, parameters by key. */
export interface Environment {
  input(name: string, type: StaticType): NdArray;
  param(key: string, type: StaticType): NdArray;
  /** Values of the symbols, such as `{ N: 2 }`. */
  readonly symbols: Readonly<Record<string, number>>;
}

/**
 * The value of one op from the values of its operands. The op's constraints are checked again with the symbols' values:
 * some, such as the bounds of a slice, cannot be decided before.
 */
function evaluateValue(value: Value, operands: readonly (NdArray | undefined)[], env: Environment): NdArray {
  const type = substituteType(value.type, env.symbols);
  if (!isStaticType(type)) throw new TimmcError("invalid-ir", `${printType(type)} has symbols without a value`);
  if (is(value, "input")) return env.input(value.name, type);
  if (is(value, "param")) return env.param(value.attrs.key, type);
  const spec = opOf(value.op);
  if (spec.evaluate === undefined) throw new TimmcError("invalid-ir", `${value.op} has no reference evaluation`);
  const attrs = Object.fromEntries(Object.entries(value.attrs).map(([k, v]) => [k, substituteAttr(v, env.symbols)]));
  const types = value.operands.map((x) => (x === undefined ? undefined : substituteType(x.type, env.symbols)));
  resultType(spec, types, attrs);
  return spec.evaluate(operandRecord(spec.operands, operands), attrs, type);
}

function substituteAttr(value: AttrValue, symbols: Readonly<Record<string, number>>): AttrValue {
  if (value instanceof SymbolicDim) return substituteDim(value, symbols);
  return Array.isArray(value) ? value.map((v: AttrValue) => substituteAttr(v, symbols)) : value;
}

/**
 * Runs a whole graph in float64: slow, obvious, the reference that backends and passes are measured against. Values are
 * dropped after their last use. `observe` sees every value as it is made (for bisection and calibration).
 */
export function interpret(
  graph: Graph,
  env: Environment,
  observe?: (value: Value, result: NdArray) => void,
): ReadonlyMap<string, NdArray> {
  const live = new Map<Value, NdArray>();
  const left = new Map<Value, number>();
  const outputs = new Set(graph.outputs.map((o) => o.value));
  for (const value of needed(graph)) {
    const operands = value.operands.map((x) => (x === undefined ? undefined : live.get(x)));
    const result = within(`%${value.name}`, () => evaluateValue(value, operands, env));
    observe?.(value, result);
    live.set(value, result);
    left.set(value, value.uses);
    for (const x of value.operands) {
      if (x === undefined) continue;
      const n = (left.get(x) ?? 0) - 1;
      left.set(x, n);
      if (n === 0 && !outputs.has(x)) live.delete(x);
    }
  }
  return new Map(
    graph.outputs.map((o) => {
      const result = live.get(o.value);
      if (result === undefined) throw new TimmcError("invalid-ir", `output ${o.name} was not computed`);
      return [o.name, result];
    }),
  );
}

/** The values that the outputs depend on, in graph order. */
export function needed(graph: Graph): Value[] {
  const wanted = new Set<Value>(graph.outputs.map((o) => o.value));
  const kept: Value[] = [];
  for (const value of graph.reversed()) {
    if (!wanted.has(value)) continue;
    kept.push(value);
    for (const x of value.operands) if (x !== undefined) wanted.add(x);
  }
  return kept.toReversed();
}

/**
 * Evaluates one weight expression, operands first; parameters come from `env`. Values that `known` gives have their
 * operands left alone: a part of a parameter can be read without the rest. Nothing is kept between calls.
 */
export function evaluateWeight(
  value: Value,
  env: Environment,
  known: (value: Value) => NdArray | undefined = () => undefined,
): NdArray {
  const memo = new Map<Value, NdArray>();
  const evaluate = (v: Value): NdArray =>
    evaluateValue(
      v,
      v.operands.map((x) => (x === undefined ? undefined : visit(x))),
      env,
    );
  const visit = (v: Value): NdArray => {
    const done = memo.get(v);
    if (done !== undefined) return done;
    const result = known(v) ?? evaluate(v);
    memo.set(v, result);
    return result;
  };
  return within(`%${value.name}`, () => visit(value));
}
