import { type Builder, builderAt } from "../../ir/builder.ts";
import { type Dim, isStatic } from "../../ir/dim.ts";
import type { Graph } from "../../ir/graph.ts";
import { type Value, is } from "../../ir/value.ts";
import { type Box, type Span, extentOf, sameSpan } from "./box.ts";
import type { Demand } from "./demand.ts";
import { narrowed } from "./origin.ts";
import { operandBoxes } from "./transfer.ts";

type Range = readonly [start: number, end: number];

/** A slice of the features of a packed projection. */
interface Slice {
  readonly value: Value<"slice">;
  readonly range: Range;
}

/** Slices that are wanted of the same tokens, and the features from the first to the last that they hold. */
interface Part {
  readonly tokens: Box;
  readonly slices: readonly Slice[];
  readonly features: Range;
}

/**
 * Divides a packed projection y = x W^T + b, of which only slices of features are used, into one projection for every
 * box of tokens that these slices want: rows of W are independent,
 *
 *     slice(linear(x, W, b), last axis, r) = linear(x, slice(W, 0, r), slice(b, 0, r))
 *
 * Only where the products fall in number: a projection that all tokens need whole stays packed. Answers whether it did.
 */
export function splitPacked(graph: Graph, packed: Value<"linear">, demand: Demand): boolean {
  const parts = partsOf(packed, demand);
  if (parts === undefined || parts.length < 2 || graph.outputs.some((o) => o.value === packed)) return false;
  const { shape } = packed.type;
  const box = demand.settled(packed);
  const before = extentOf(box.at(-1) ?? "all", shape.at(-1) ?? 0);
  const after = parts.reduce((sum, part) => sum + share(part.tokens, box, shape) * length(part.features), 0);
  if (!isStatic(before) || after >= before) return false;
  for (const part of parts) project(graph, packed, part, demand);
  return true;
}

const length = ([start, end]: Range): number => end - start;
const joined = (a: Range, b: Range): Range => [Math.min(a[0], b[0]), Math.max(a[1], b[1])];

/** The parts by the tokens that are wanted; undefined where something else than a slice of features uses the result. */
function partsOf(packed: Value<"linear">, demand: Demand): readonly Part[] | undefined {
  const parts = new Map<string, Part>();
  for (const value of demand.usersOf(packed)) {
    const box = demand.boxes.get(value);
    const range = is(value, "slice") ? featureRange(value, packed) : undefined;
    if (!is(value, "slice") || range === undefined || box === undefined) return undefined;
    const tokens = operandBoxes(value, box)[0]?.slice(0, -1) ?? [];
    const key = JSON.stringify(tokens);
    const { slices, features } = parts.get(key) ?? { slices: [], features: range };
    parts.set(key, { tokens, slices: [{ value, range }, ...slices], features: joined(features, range) });
  }
  return [...parts.values()];
}

function featureRange({ attrs }: Value<"slice">, packed: Value): Range | undefined {
  const [start = 0, end = 0] = attrs.range;
  if (attrs.axis !== packed.type.shape.length - 1 || attrs.step !== 1) return undefined;
  return isStatic(start) && isStatic(end) && start < end ? [start, end] : undefined;
}

/** How much of the tokens of `all` a box has; of a symbolic extent, a narrowed span counts as half, its most. */
const share = (tokens: Box, all: Box, shape: readonly Dim[]): number =>
  tokens.reduce((product, span, axis) => product * shareOfSpan(span, all[axis] ?? "all", shape[axis] ?? 1), 1);

function shareOfSpan(span: Span, all: Span, extent: Dim): number {
  if (span === "all" || sameSpan(span, all)) return 1;
  const whole = extentOf(all, extent);
  return isStatic(whole) ? length(span) / whole : 1 / 2;
}

function project(graph: Graph, packed: Value<"linear">, { slices, features }: Part, demand: Demand): void {
  const [x, weight, bias] = packed.operands;
  if (x === undefined || weight === undefined) return;
  const on = (value: Value): Builder => builderAt({ graph, origin: narrowed(value), before: packed });
  const rows = (value: Value): Value => on(value).slice(value, { axis: 0, range: features });
  const part = on(packed).linear(x, rows(weight), bias === undefined ? undefined : rows(bias));
  for (const { value, range } of slices) {
    const own: Range = [range[0] - features[0], range[1] - features[0]];
    const by = length(own) === length(features) ? part : on(value).slice(part, { axis: -1, range: own });
    demand.move(value, by);
    graph.replaceUses(value, by);
  }
}
