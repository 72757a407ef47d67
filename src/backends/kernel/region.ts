import type { Graph } from "../../ir/graph.ts";
import type { OpName } from "../../ir/ops/index.ts";
import { type Value, is } from "../../ir/value.ts";
import { type Index, indexOf, mod, offset, variable } from "./index-expr.ts";
import { isMovement, isPoint } from "./ops/point.ts";
import { broadcastIndex, reindex } from "./ops/shape.ts";
import { isRoot, lengthOf, operandsOf, shapeOf } from "./uses.ts";

/**
 * What a root's kernel could compute of the elements that it has at hand: the root, and every value with as many elements each of which is
 * made of the one at hand and of values that are known before.
 */
export interface Regions {
  /** The root in whose kernel a value can be computed. */
  readonly rootOf: ReadonlyMap<Value, Value>;
  /** The position of the last root that a value depends on, in order; -1 without. */
  readonly latest: ReadonlyMap<Value, number>;
}

export function regionsOf(graph: Graph): Regions {
  const roots = new Map<Value, Value>();
  const latest = new Map<Value, number>();
  const places = new Map<Value, string>();
  const indices = new Map<Value, readonly Index[]>();
  let next = 0;
  for (const value of graph.values()) {
    if (value.isWeight) continue;
    if (isRoot(value)) {
      const index = shapeOf(value).map((extent, i) => indexOf(variable(`a${i}`, extent)));
      latest.set(value, next++);
      roots.set(value, value);
      indices.set(value, index);
      places.set(value, keyOf(index));
      continue;
    }
    const operands = operandsOf(value);
    const last = operands.reduce((n, x) => Math.max(n, latest.get(x) ?? -1), -1);
    latest.set(value, last);
    if (!isCarried(value) || last < 0) continue;
    const fresh = operands.filter((x) => latest.get(x) === last);
    const [first] = fresh;
    const root = first && roots.get(first);
    const alike = fresh.every(
      (x) => roots.has(x) && lengthOf(x) === lengthOf(value) && places.get(x) === places.get(first as Value),
    );
    if (first === undefined || root === undefined || !alike) continue;
    const index = forward(value, first, indices.get(first) ?? []);
    roots.set(value, root);
    indices.set(value, index);
    places.set(value, isMovement(value) ? keyOf(index) : (places.get(first) ?? ""));
  }
  return { rootOf: roots, latest };
}

const keyOf = (index: readonly Index[]): string => index.map((i) => i.key).join(" ");

const apart: ReadonlySet<OpName> = new Set(["concat", "pad", "iota"]);
const followed: ReadonlySet<OpName> = new Set(["reshape", "transpose", "roll"]);

/** Ops that can be computed behind a root: where an element goes is known. */
const isCarried = (value: Value): boolean =>
  isPoint(value) && !apart.has(value.op) && (!isMovement(value) || followed.has(value.op));

/** Where an element of an operand goes in the result. */
export function forward(value: Value, from: Value, index: readonly Index[]): readonly Index[] {
  if (is(value, "reshape")) return reindex(index, shapeOf(from), shapeOf(value));
  if (is(value, "transpose")) return value.attrs.perm.map((axis) => index[axis] as Index);
  if (!is(value, "roll")) return broadcastIndex(index, shapeOf(value));
  const { axis, shift } = value.attrs;
  const extent = shapeOf(value)[axis] ?? 1;
  return index.with(axis, mod(offset(index[axis] as Index, ((shift % extent) + extent) % extent), extent));
}
