import { isStatic } from "../../../ir/dim.ts";
import { type Builder, builderAt } from "../../../ir/builder.ts";
import type { Graph } from "../../../ir/graph.ts";
import { type Value, is } from "../../../ir/value.ts";
import type { Pass } from "../../../passes/pass.ts";
import { isMovement, isPoint } from "../ops/point.ts";

const name = "kernel-split-gates";

/**
 * Divides a projection of which two slices of its channels are used, both by arithmetic, as of a gated unit:
 *
 *     slice(linear(x, W, b), last axis, r) = linear(x, slice(W, 0, r), slice(b, 0, r))
 *
 * and the same for a convolution of one group; exact. What is computed joins the kernel of the second part, so that the wide result is
 * never stored, for one more read of x: 0.9 of the bytes of gmixer_12_224, in as many kernels. Of three parts, as in mambaout and focalnet,
 * the kernels grow in number and the bytes stay; slices that are only moved, as attention's, stay packed.
 */
export const splitGates: Pass = {
  name,
  run(graph) {
    const users = new Map<Value, Value[]>();
    for (const value of graph.values())
      for (const x of new Set(value.operands)) if (x !== undefined) users.set(x, [...(users.get(x) ?? []), value]);
    const outputs = new Set(graph.outputs.map((o) => o.value));
    let divided = 0;
    for (const value of graph.values()) {
      const slices = outputs.has(value) ? [] : slicesOf(value, users.get(value) ?? []);
      const computed = slices.every((s) => !outputs.has(s) && (users.get(s) ?? []).every(isArithmetic));
      if (slices.length !== 2 || !computed) continue;
      for (const slice of slices) graph.replaceUses(slice, project(graph, value, slice));
      divided++;
    }
    return { [name]: divided };
  },
};

const isArithmetic = (value: Value): boolean => isPoint(value) && !isMovement(value) && value.op !== "concat";

/** The users of a projection where all of them are slices of its channels that do not overlap; else none. */
function slicesOf(value: Value, users: readonly Value[]): readonly Value<"slice">[] {
  const axis = is(value, "linear") ? value.type.shape.length - 1 : is(value, "conv") ? 1 : -1;
  if (axis < 0 || (is(value, "conv") && value.attrs.groups !== 1)) return [];
  const slices = users.filter((user) => is(user, "slice")).filter((user) => isSlice(user, axis));
  const sorted = slices.toSorted((a, b) => start(a) - start(b));
  const apart = sorted.every((slice, i) => i === 0 || start(slice) >= end(sorted[i - 1] as Value<"slice">));
  return slices.length === users.length && apart ? sorted : [];
}

const isSlice = ({ attrs: { axis, step, range } }: Value<"slice">, wanted: number): boolean =>
  axis === wanted && step === 1 && range.every(isStatic);
const start = (slice: Value<"slice">): number => slice.attrs.range[0] as number;
const end = (slice: Value<"slice">): number => slice.attrs.range[1] as number;

function project(graph: Graph, value: Value, slice: Value<"slice">): Value {
  const [x, weight, bias] = value.operands;
  const origin = { path: slice.origin.path, rules: [...slice.origin.rules, name] };
  const b: Builder = builderAt({ graph, origin, before: slice });
  const rows = (w: Value): Value => b.slice(w, { axis: 0, range: [start(slice), end(slice)], step: 1 });
  const operands = [x as Value, rows(weight as Value), bias === undefined ? undefined : rows(bias)] as const;
  return is(value, "conv") ? b.conv(...operands, value.attrs) : b.linear(...operands);
}
