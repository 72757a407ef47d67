import type { Attr, AttrValue } from "./attr.ts";
import { isStatic, maxRank } from "./dim.ts";
import { TimmcError } from "./error.ts";
import type { NdArray } from "./ndarray.ts";
import { type StaticType, type TensorType, printType } from "./type.ts";

/**
 * An op is one record: everything that is true of it. Printer, parser, verifier, builder, interpreter and docs/ops.md
 * derive from these records; adding an op is one file, one line in ops/index.ts, and the compiler lists the tables of
 * the backends that are left to fill.
 *
 * Every op has exactly one result, so a value and the operation that makes it are the same object (see value.ts).
 */
export interface OpSpec<Name extends string, O extends readonly string[], A extends AttrSpecs> {
  readonly name: Name;
  readonly doc: string;
  /** In order: `"x"` required, `"bias?"` optional, `"xs*"` any number (last). */
  readonly operands: O;
  readonly attrs: A;
  /** The result's type; throws through `need` where the operands break a constraint (C1, C2 ... of the doc). */
  infer(x: OperandRecord<O, TensorType>, a: AttrsOf<A>): TensorType;
  /** Reference semantics in float64. Absent for sources (`input`, `param`), whose value comes from outside. */
  readonly evaluate?: (x: OperandRecord<O, NdArray>, a: AttrsOf<A>, result: StaticType) => NdArray;
  /** Multiply-accumulates, counted as timm's benchmark counts (fvcore): see macs.ts. */
  readonly macs?: (x: OperandRecord<O, StaticType>, a: AttrsOf<A>, result: StaticType) => number;
}

export type AttrSpecs = Readonly<Record<string, Attr<unknown>>>;
export type AttrsOf<A extends AttrSpecs> = { readonly [K in keyof A]: A[K] extends Attr<infer T> ? T : never };

type Plain<S extends string> = S extends `${infer N}?` ? N : S extends `${infer N}*` ? N : S;

/** Operands by name: `{ x: T, bias: T | undefined, xs: readonly T[] }`. */
type OperandRecord<O extends readonly string[], T> = {
  readonly [S in O[number] as Plain<S>]: S extends `${string}?`
    ? T | undefined
    : S extends `${string}*`
      ? readonly T[]
      : T;
};

/** Operands by position, as builders take them. */
export type OperandArgs<O extends readonly string[], V> = {
  readonly [I in keyof O]: O[I] extends `${string}?` ? V | undefined : O[I] extends `${string}*` ? readonly V[] : V;
};

export const defineOp = <const Name extends string, const O extends readonly string[], A extends AttrSpecs>(
  spec: OpSpec<Name, O, A>,
): OpSpec<Name, O, A> => spec;

/** Operands of any op by name. */
type AnyOperands<T> = Readonly<Record<string, T | undefined | readonly (T | undefined)[]>>;

/** A record without its type parameters, for code that treats all ops alike: see `opOf`. */
export interface AnyOp {
  readonly name: string;
  readonly doc: string;
  readonly operands: readonly string[];
  readonly attrs: AttrSpecs;
  infer(x: AnyOperands<TensorType>, a: Readonly<Record<string, AttrValue>>): TensorType;
  evaluate?(x: AnyOperands<NdArray>, a: Readonly<Record<string, AttrValue>>, result: StaticType): NdArray;
  macs?(x: AnyOperands<StaticType>, a: Readonly<Record<string, AttrValue>>, result: StaticType): number;
}

/** States a constraint of an op by its label in the op's doc. */
export function need(condition: boolean, label: string, message: string): asserts condition {
  if (!condition) throw new TimmcError("invalid-ir", `${label}: ${message}`);
}

/** Groups positional operands under their names. */
export function operandRecord<T>(operands: readonly string[], values: readonly (T | undefined)[]): AnyOperands<T> {
  const record: Record<string, T | undefined | readonly (T | undefined)[]> = {};
  operands.forEach((name, i) => {
    if (name.endsWith("*")) record[name.slice(0, -1)] = values.slice(i);
    else record[name.endsWith("?") ? name.slice(0, -1) : name] = values[i];
  });
  return record;
}

/** Fills defaults, checks every attribute and makes it canonical; unknown and missing names are errors. */
export function completeAttrs(
  op: AnyOp,
  given: Readonly<Record<string, AttrValue | undefined>>,
  rank: number,
): Readonly<Record<string, AttrValue>> {
  const out: Record<string, AttrValue> = {};
  for (const name of Object.keys(given))
    need(
      Object.hasOwn(op.attrs, name),
      "attributes",
      `${op.name} has no attribute '${name}' (it has ${Object.keys(op.attrs).join(", ") || "none"})`,
    );
  for (const [name, spec] of Object.entries(op.attrs)) {
    const value = given[name] ?? spec.default;
    need(value !== undefined, "attributes", `${op.name} needs the attribute '${name}' (${spec.type})`);
    need(spec.accepts(value), "attributes", `${op.name}: '${name}' must be ${spec.type}, not ${String(value)}`);
    out[name] = spec.canonical(value, rank) as AttrValue;
  }
  return out;
}

/**
 * The type of an op's result; an absent optional operand is undefined. Throws `invalid-ir`, with the op and the operand
 * types, where the number of operands or a constraint of the op is broken.
 */
export function resultType(
  op: AnyOp,
  operands: readonly (TensorType | undefined)[],
  attrs: Readonly<Record<string, AttrValue>>,
): TensorType {
  checkArity(op, operands);
  try {
    const type = op.infer(operandRecord(op.operands, operands), attrs);
    need(type.shape.length <= maxRank, "rank", `${type.shape.length} axes, more than ${maxRank}`);
    need(
      type.shape.every((d) => !isStatic(d) || d >= 0),
      "extents",
      `${printType(type)} has a negative extent`,
    );
    return type;
  } catch (error) {
    if (!(error instanceof TimmcError)) throw error;
    throw error.within(`${op.name}(${operands.map((t) => (t === undefined ? "-" : printType(t))).join(", ")})`);
  }
}

function checkArity(op: AnyOp, operands: readonly (TensorType | undefined)[]): void {
  const variadic = op.operands.at(-1)?.endsWith("*") ?? false;
  const fixed = variadic ? op.operands.length - 1 : op.operands.length;
  const fits = variadic ? operands.length >= fixed : operands.length === fixed;
  const missing = op.operands.some((name, i) => !/[?*]$/.test(name) && operands[i] === undefined);
  const hole = variadic && operands.slice(fixed).includes(undefined);
  if (!fits || missing || hole)
    throw new TimmcError(
      "invalid-ir",
      `${op.name} takes (${op.operands.join(", ")}), got (${operands.map((t) => (t ? printType(t) : "-")).join(", ")})`,
    );
}
