import { TimmcError } from "../../ir/error.ts";
import { type Dim, isStatic, sameShape } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Ops } from "../scope.ts";
import type { Compute, ComputeAt, Drop, Rename, Strip } from "./remap.ts";

/** The steps of remaps, as families write them. */

export const rename = (from: RegExp, to: Rename["to"]): Rename => ({ kind: "rename", from, to });

/** Several renames in order. */
export const renames = (...pairs: readonly (readonly [from: RegExp, to: string])[]): Rename[] =>
  pairs.map(([from, to]) => rename(from, to));

/** `when` restricts it to some models. */
export const drop = (keys: RegExp, what: string, when?: Drop["when"]): Drop => ({
  kind: "drop",
  keys,
  what,
  ...(when === undefined ? {} : { when }),
});

/** The entries under a prefix alone, without it. */
export const only = (prefix: string): Strip => ({ kind: "strip", prefix, others: "left out" });

/** Takes a prefix off the names that have it. */
export const strip = (prefix: string): Strip => ({ kind: "strip", prefix, others: "stay" });

/** One entry to one: `to` is its name afterwards, its own without. */
export const change = (
  law: string,
  from: RegExp,
  make: (b: Ops, value: Value, at: ComputeAt & { readonly name: string }) => Value,
  to?: string,
): Compute => ({
  kind: "compute",
  law,
  from,
  with: [],
  to: to === undefined ? [] : [to],
  make: (b, [value], at) => [make(b, defined(value), { ...at, name: at.to[0] ?? "" })],
});

/** Several entries one after the other along their first axis: q, k and v to qkv. */
export const merge = (from: RegExp, others: readonly string[], to: string): Compute => ({
  kind: "compute",
  law: "merge",
  from,
  with: others,
  to: [to],
  make: (b, values) => [b.concat(values, { axis: 0 })],
});

/** One entry cut into equal parts along its first axis. */
export const split = (from: RegExp, to: readonly string[]): Compute => ({
  kind: "compute",
  law: "split",
  from,
  with: [],
  to,
  make: (b, [value]) => {
    const x = defined(value);
    const rows = extent(x, 0);
    if (rows % to.length !== 0) throw new TimmcError("weights", `${rows} rows cannot be cut into ${to.length} parts`);
    const part = rows / to.length;
    return to.map((_, i) => b.slice(x, { axis: 0, range: [i * part, (i + 1) * part] }));
  },
});

/** The same numbers in the shape of the model's parameter, where the model has it and the counts agree. */
export const reshapeToModel = (from: RegExp): Compute =>
  change("reshape", from, (b, x, { target, name }) => {
    const shape = target.shape(name);
    return shape === undefined || sameShape(shape, x.type.shape) || size(shape) !== size(x.type.shape)
      ? x
      : b.reshape(x, { shape: [...shape] });
  });

export const addAxes = (from: RegExp, axes: number, to?: string): Compute =>
  change("reshape", from, (b, x) => b.reshape(x, { shape: [...Array<number>(axes).fill(1), ...x.type.shape] }), to);

/** A kernel [height, width, in, out], as Flax has them, as [out, in, height, width]. */
export const flaxKernel = (from: RegExp, to: string): Compute =>
  change("transpose", from, (b, x) => b.transpose(x, { perm: [3, 2, 0, 1] }), to);

/** A projection without bias [in, out] as the layer `to`: its transpose, and zeros. */
export const projection = (from: RegExp, to: string): Compute => ({
  kind: "compute",
  law: "transpose, with a bias of zeros",
  from,
  with: [],
  to: [`${to}.weight`, `${to}.bias`],
  make: (b, [value]) => {
    const x = defined(value);
    return [b.transpose(x, { perm: [1, 0] }), zeros(b, [extent(x, 1)])];
  },
});

/** A layer [out, in] without bias as the layer `to`, whose bias is zeros. */
export const withZeroBias = (from: RegExp, to: string, when?: Compute["when"]): Compute => ({
  ...(when === undefined ? {} : { when }),
  kind: "compute",
  law: "with a bias of zeros",
  from,
  with: [],
  to: [`${to}.weight`, `${to}.bias`],
  make: (b, [value]) => [defined(value), zeros(b, [extent(defined(value), 0)])],
});

export const zeros = (b: Ops, shape: readonly number[]): Value => b.constant({ values: [0], shape });

/** The extent of an axis of a stored tensor. Throws TimmcError where it has no such axis. */
export function extent(x: Value, axis: number): number {
  const dim = x.type.shape.at(axis);
  if (dim === undefined || !isStatic(dim))
    throw new TimmcError("weights", `it has ${x.type.shape.length} axes, and axis ${axis} is needed`);
  return dim;
}

export const defined = (x: Value | undefined): Value => {
  if (x === undefined) throw new TimmcError("invalid-ir", "a step of a remap has fewer operands than it names");
  return x;
};

const size = (shape: readonly Dim[]): number => shape.reduce<number>((n, d) => n * (isStatic(d) ? d : Number.NaN), 1);
