import type { Graph } from "../../ir/graph.ts";
import type { OpName } from "../../ir/ops/index.ts";
import { type Value, is } from "../../ir/value.ts";
import { type Index, indexOf, mod, offset, variable } from "./index-expr.ts";
import { isMovement, isPoint } from "./ops/point.ts";
import { broadcastIndex, reindex, shapeOf } from "./ops/shape.ts";
import { isDepthwise, isRoot, lengthOf, operandsOf } from "./uses.ts";

/**
 * What a root's kernel could compute of the elements that it has at hand: the root, and every value with as many elements each of which is
 * made of the one at hand and of values that are known before.
 */
export interface Regions {
  /** The root in whose kernel a value can be computed. */
  readonly rootOf: ReadonlyMap<Value, Value>;
  /** The position of the last root that a value depends on, in order; -1 without. */
  readonly latest: ReadonlyMap<Value, number>;
  /** Where an element of a root, at `a0`, `a1` ..., goes in a value of its region. */
  readonly indexOf: ReadonlyMap<Value, readonly Index[]>;
  /** Sums that a depthwise convolution's kernel takes along, by the convolution: see `pooledBy`. */
  readonly pooled: ReadonlyMap<Value, Value>;
}

export function regionsOf(graph: Graph): Regions {
  const roots = new Map<Value, Value>();
  const latest = new Map<Value, number>();
  const places = new Map<Value, string>();
  const indices = new Map<Value, readonly Index[]>();
  const pooled = new Map<Value, Value>();
  let next = 0;
  for (const value of graph.values()) {
    if (value.isWeight) continue;
    if (isRoot(value)) {
      const index = shapeOf(value).map((extent, i) => indexOf(variable(`a${i}`, extent)));
      latest.set(value, next++);
      const by = pooledBy(value, { rootOf: roots, indexOf: indices, pooled });
      if (by !== undefined) {
        pooled.set(value, by);
        continue;
      }
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
  return { rootOf: roots, latest, indexOf: indices, pooled };
}

/**
 * The depthwise convolution whose kernel computes a sum over the last axis of reshape(x, [N, C, H, W / w, w]), where x [N, C, H, W] is
 * the convolution or made of it in place: the kernel passes the w places with threads and registers, stores x if someone else
 * needs it, and brings the sum together. All sums of one kernel have one w.
 */
function pooledBy(value: Value, regions: Pick<Regions, "rootOf" | "indexOf" | "pooled">): Value | undefined {
  if (!is(value, "reduce_mean") && !is(value, "reduce_sum")) return undefined;
  const [rows] = value.operands;
  const [x] = rows?.operands ?? [];
  const root = rows && regions.rootOf.get(rows);
  if (rows?.op !== "reshape" || x === undefined || root === undefined || !isDepthwise(root)) return undefined;
  const [n, c, h, w = 1] = shapeOf(root);
  const width = widthOf(value);
  const isRow = shapeOf(rows).join() === [n, c, h, w / width, width].join();
  const isLast = value.attrs.axes.join() === "4" && !value.attrs.keep;
  const others = [...regions.pooled].filter(([, other]) => other === root);
  const alike = others.every(([other]) => widthOf(other) === width);
  return isRow && isLast && alike && width > 1 && runsAt(regions.indexOf, root, x) ? root : undefined;
}

/** How many places of a row a pooled sum is of. */
export const widthOf = (pooled: Value): number => shapeOf(pooled.operands[0] as Value).at(-1) ?? 1;

/** Whether the elements of a value in a root's region lie as the root's. */
export const runsAt = (indexOf: Regions["indexOf"], root: Value, x: Value): boolean =>
  shapeOf(x).join() === shapeOf(root).join() && keyOf(indexOf.get(x) ?? []) === keyOf(indexOf.get(root) ?? []);

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
