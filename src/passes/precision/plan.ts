import type { Graph } from "../../ir/graph.ts";
import { needed } from "../../ir/interpret.ts";
import type { OpName } from "../../ir/ops/index.ts";
import { type Attrs, type Value, is } from "../../ir/value.ts";

/** What runs in eight bits, and how. */
export interface Plan {
  /** Products with weights: they read integers. */
  readonly products: ReadonlySet<Value>;
  /** Values that are integers when their users read them. */
  readonly made: ReadonlySet<Value>;
  /** Of these, such whose one user is a rectifier, behind which they are rounded. */
  readonly absorbed: ReadonlySet<Value>;
  /** Of values that one activation alone reads: below this number its result does not change. */
  readonly floors: ReadonlyMap<Value, number>;
}

type ActivationKind = Attrs<"activation">["kind"];

/** Ops that move numbers: integers go through with the steps that they have. */
const moving: ReadonlySet<OpName> = new Set(["expand", "max_pool", "reshape", "roll", "slice", "transpose"]);

/** Activations that integers have a form for (see activation.ts). */
const activations: ReadonlySet<ActivationKind> = new Set([
  "hard_sigmoid",
  "hard_swish",
  "leaky_relu",
  "relu",
  "relu6",
  "sigmoid",
  "silu",
]);

export const hasIntegers = (kind: ActivationKind): boolean => activations.has(kind);
export const isMoving = (v: Value): boolean => moving.has(v.op) || (is(v, "resize") && v.attrs.mode === "nearest");
export const isRectifier = (v: Value): v is Value<"activation"> =>
  is(v, "activation") && (v.attrs.kind === "relu" || v.attrs.kind === "relu6");

/** Convolutions of images and linear maps, by weights. */
function isProduct(v: Value): boolean {
  const [x, weight, bias] = v.operands;
  const fits = (is(v, "conv") && v.type.shape.length === 4) || is(v, "linear");
  return fits && x?.isWeight === false && weight?.isWeight === true && bias?.isWeight !== false;
}

/** Ops that runtimes have on integers, or that need none. */
function goesThrough(v: Value): boolean {
  if (is(v, "activation")) return activations.has(v.attrs.kind);
  if (is(v, "add") || is(v, "mul") || is(v, "concat")) return v.operands.every((x) => x?.isWeight === false);
  return isMoving(v) || is(v, "avg_pool");
}

/**
 * Products run in eight bits, and so does what lies between them: an op whose result some product reads in the end, and
 * whose operands are integers already or are rounded for a product anyway. A convolution gives integers in any case, since runtimes
 * have no other; a linear map where somebody wants them. What no range was seen of, or is to stay float, does.
 */
export function planOf(graph: Graph, isSeen: (x: Value) => boolean, float: ReadonlySet<Value>): Plan {
  const values = needed(graph).filter((v) => !v.isWeight);
  const users = usersOf(values);
  const isKnown = (x: Value | undefined): boolean => x === undefined || x.isWeight || isSeen(x);
  const may = (v: Value): boolean => v.type.dtype === "f32" && !float.has(v) && [v, ...v.operands].every(isKnown);
  const products = new Set(values.filter((v) => isProduct(v) && may(v)));
  const through = new Set(values.filter((v) => goesThrough(v) && may(v)));

  const reads = (user: Value, x: Value): boolean => products.has(user) && user.operands[0] === x;
  const wanted = new Set<Value>();
  for (const v of values.toReversed())
    if (users.get(v)?.some((u) => reads(u, v) || (wanted.has(u) && through.has(u)))) wanted.add(v);

  const made = new Set<Value>();
  const moved = (u: Value): boolean => wanted.has(u) && through.has(u) && isMoving(u);
  const isRounded = (x: Value | undefined): boolean =>
    x !== undefined && (made.has(x) || users.get(x)?.some((u) => reads(u, x) || moved(u)) === true);
  for (const v of values) {
    const isMade = products.has(v)
      ? is(v, "conv") || wanted.has(v)
      : wanted.has(v) && through.has(v) && (isMoving(v) || v.operands.every(isRounded));
    if (isMade) made.add(v);
  }
  return { products, made, absorbed: absorbedBy(graph, made), floors: floorsOf(graph, made) };
}

function usersOf(values: readonly Value[]): ReadonlyMap<Value, readonly Value[]> {
  const users = new Map<Value, Value[]>();
  for (const v of values) for (const x of v.operands) if (x !== undefined) users.set(x, [...(users.get(x) ?? []), v]);
  return users;
}

/** A rectifier behind an op that computes is in its rounding; behind one that moves, the integers are there already. */
function absorbedBy(graph: Graph, made: ReadonlySet<Value>): ReadonlySet<Value> {
  const absorbed = new Set<Value>();
  for (const v of made) {
    const [x] = v.operands;
    const computes = x !== undefined && made.has(x) && !isMoving(x) && !is(x, "activation");
    if (isRectifier(v) && computes && graph.useCount(x) === 1) absorbed.add(x);
  }
  return absorbed;
}

/** Where an activation ends: its result is the same for every number below. Steps that go no further down are smaller. */
const flatBelow: { readonly [K in ActivationKind]?: number } = { hard_sigmoid: -3, hard_swish: -3 };

function floorsOf(graph: Graph, made: ReadonlySet<Value>): ReadonlyMap<Value, number> {
  const floors = new Map<Value, number>();
  for (const v of made) {
    const [x] = v.operands;
    const floor = is(v, "activation") ? flatBelow[v.attrs.kind] : undefined;
    if (x !== undefined && floor !== undefined && graph.useCount(x) === 1) floors.set(x, floor);
  }
  return floors;
}
