import type { Value } from "../../ir/value.ts";
import type { Element } from "./body.ts";
import { type Expr, childrenOf } from "./expr.ts";
import type { Group } from "./group.ts";
import { type Index, type Variable, variablesOf } from "./index-expr.ts";
import type { Stored } from "./stored.ts";
import { isProduct, operandsOf } from "./uses.ts";

/**
 * The axes of a kernel in the order in which it best goes through them, the fastest last. Maps have their channels next to each other,
 * attention the heads of a row, as the projection behind reads them; other kernels follow what they read.
 */
export function naturalAxes(root: Value | undefined, axes: readonly Variable[], read: readonly Expr[]): Variable[] {
  if (root !== undefined && isSpatial(root)) {
    const [n, o, ...space] = axes;
    return [n, ...space, o].filter((axis) => axis !== undefined);
  }
  if (root?.op === "attention" && axes.length >= 4) {
    const [h, m, e] = axes.slice(-3);
    return [...axes.slice(0, -3), m, h, e].filter((axis) => axis !== undefined);
  }
  if (root !== undefined && isProduct(root)) return [...axes];
  const address = largestRead(axes, read);
  return address === undefined ? [...axes] : byDistance(axes, address);
}

const isSpatial = ({ op }: Value): boolean => op === "conv" || op === "avg_pool" || op === "max_pool";

/** Where the kernel reads the largest tensor, along most of its axes. */
function largestRead(axes: readonly Variable[], read: readonly Expr[]): Index | undefined {
  let best: { readonly index: Index; readonly along: number; readonly length: number } | undefined;
  const see = (x: Expr): void => {
    if (x.kind === "load") {
      const names = variablesOf(x.index);
      const along = axes.reduce((n, axis) => (names.has(axis.name) ? n * axis.extent : n), 1);
      if (best === undefined || along > best.along || (along === best.along && x.buffer.length > best.length))
        best = { index: x.index, along, length: x.buffer.length };
    }
    childrenOf(x).forEach(see);
  };
  read.forEach(see);
  return best?.index;
}

/** The order of a result in memory: that of a tensor that it is added to, else that in which its kernel makes it. */
export function orderOf(
  { index, value }: Element,
  { chain }: Group,
  axes: readonly Variable[],
  storedAt: (value: Value) => Stored | undefined,
): readonly number[] {
  for (const link of chain.toReversed()) {
    if (link.type.shape.join() !== value.type.shape.join()) break;
    for (const x of operandsOf(link))
      if (!chain.includes(x) && x.type.shape.join() === value.type.shape.join()) {
        const known = storedAt(x);
        if (known !== undefined) return known.order;
      }
  }
  return orderAlong(index, axes);
}

/** Dimensions by the slowest of the axes that they go along. */
function orderAlong(index: readonly Index[], axes: readonly Variable[]): readonly number[] {
  const rank = new Map(axes.map((axis, i) => [axis.name, i]));
  const slowest = index.map((at) => Math.min(...[...variablesOf(at)].map((name) => rank.get(name) ?? 0)));
  const of = (i: number): number => (Number.isFinite(slowest[i]) ? (slowest[i] as number) : -1);
  return index.map((_, i) => i).sort((a, b) => of(a) - of(b) || a - b);
}

/** Axes by the distances of the elements along them, the longest first. */
export function byDistance(axes: readonly Variable[], address: Index): Variable[] {
  const distance = new Map<string, number>();
  for (const { coefficient, atom } of address.terms) {
    const names = atom.kind === "variable" ? [atom.variable.name] : variablesOf(atom.of);
    for (const name of names) distance.set(name, Math.max(distance.get(name) ?? 0, Math.abs(coefficient)));
  }
  // Along an axis of one coordinate there is no distance; it goes ahead.
  const of = ({ name, extent }: Variable): number => (extent === 1 ? Infinity : (distance.get(name) ?? 0));
  return axes.toSorted((a, b) => (of(a) === of(b) ? 0 : of(b) - of(a)));
}
