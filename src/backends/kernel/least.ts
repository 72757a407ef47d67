import type { Graph } from "../../ir/graph.ts";
import type { OpName } from "../../ir/ops/index.ts";
import type { Value } from "../../ir/value.ts";

/** Ops that need their operand many times over, from memory; all others can be computed on the way to or from one of them. */
const heavy: ReadonlySet<OpName> = new Set([
  "attention",
  "avg_pool",
  "conv",
  "fused_conv",
  "linear",
  "lstm",
  "matmul",
  "max_pool",
  "packed_attention",
]);

/** The least bytes that a run of a graph moves. */
interface Least {
  readonly weights: number;
  /** Tensors that are written or read, among them the inputs and the outputs. */
  readonly tensors: number;
}

/**
 * The bytes that the best fusion moves when every convolution, product of matrices, attention and pool is one kernel, and everything
 * else (arithmetic, movements, norms and sums) costs nothing but what it must fetch:
 *
 * - each weight is read once;
 * - each kernel reads, of the values that lead to its operands, those that are smallest together and are enough; of a convolution
 *   that skips places, those that it visits;
 * - each kernel writes the smallest values that are enough for all who use its result;
 * - where values of several kernels meet, one is at hand and the others are read;
 * - an output is written.
 *
 * Statistics of a norm, the means of a squeeze-excite and gates are read where they are used, which is next to nothing; that a
 * map is read once more to compute them is not counted. A real schedule can beat this only by joining two kernels in
 * one, such as a perceptron in a workgroup.
 */
export function leastTraffic(graph: Graph): Least {
  const values = [...graph.values()].filter((v) => !v.isWeight);
  const needs = new Map<Value, ReadonlySet<Value>>();
  const sources = new Map<Value, ReadonlySet<Value>>();
  for (const v of values) {
    needs.set(v, isStart(v) ? new Set([v]) : smaller(v, union(partsOf(v).map((x) => needs.get(x)))));
    sources.set(v, isStart(v) ? new Set([v]) : union(partsOf(v).map((x) => sources.get(x))));
  }
  const reads = values.filter((v) => heavy.has(v.op)).reduce((sum, v) => sum + readsOf(v, needs), 0);
  const meetings = values.filter((v) => !heavy.has(v.op)).reduce((sum, v) => sum + meetingOf(v, needs, sources), 0);
  const tensors = reads + meetings + writesOf(graph, values);
  return { weights: weightsOf(values), tensors };
}

const isStart = (v: Value): boolean => v.op === "input" || heavy.has(v.op);
const partsOf = (v: Value): Value[] =>
  [...new Set(v.operands)].filter((x) => x !== undefined && !x.isWeight) as Value[];
const sizeOf = (v: Value): number => v.type.shape.reduce<number>((n, d) => n * (d as number), 4);
const sizes = (set: ReadonlySet<Value>): number => [...set].reduce((n, v) => n + sizeOf(v), 0);

const union = (sets: readonly (ReadonlySet<Value> | undefined)[]): ReadonlySet<Value> =>
  new Set(sets.flatMap((set) => [...(set ?? [])]));

const smaller = (v: Value, instead: ReadonlySet<Value>): ReadonlySet<Value> =>
  sizes(instead) < sizeOf(v) ? instead : new Set([v]);

function readsOf(v: Value, needs: ReadonlyMap<Value, ReadonlySet<Value>>): number {
  const [x] = v.operands;
  const all = sizes(union(partsOf(v).map((operand) => needs.get(operand))));
  return x === undefined || x.isWeight ? all : all * visitedOf(v, x);
}

/** The share of its operand that a convolution or a pool reads. */
function visitedOf(v: Value, x: Value): number {
  const { stride, kernel, dilation } = v.attrs as { stride?: number[]; kernel?: number[]; dilation?: number[] };
  if (stride === undefined) return 1;
  const window = kernel ?? (v.operands[1]?.type.shape.slice(2) as number[]);
  return stride.reduce((share, step, i) => {
    const seen = (v.type.shape[i + 2] as number) * (window[i] ?? 1);
    const skips = step > (window[i] ?? 1) && (dilation?.[i] ?? 1) === 1;
    return skips ? share * Math.min(1, seen / (x.type.shape[i + 2] as number)) : share;
  }, 1);
}

/** What is read where values meet that no one kernel has at hand; values laid side by side stay apart. */
function meetingOf(
  v: Value,
  needs: ReadonlyMap<Value, ReadonlySet<Value>>,
  sources: ReadonlyMap<Value, ReadonlySet<Value>>,
): number {
  if (v.op === "concat") return 0;
  const parts = partsOf(v).sort((a, b) => (sources.get(b)?.size ?? 0) - (sources.get(a)?.size ?? 0));
  const [first, ...others] = parts;
  if (first === undefined) return 0;
  const known = new Set(sources.get(first));
  const costs: number[] = [];
  for (const part of others) {
    const own = sources.get(part) ?? new Set<Value>();
    if ([...own].some((s) => !known.has(s))) costs.push(sizes(needs.get(part) ?? new Set()));
    for (const s of own) known.add(s);
  }
  if (costs.length === 0) return 0;
  const all = [...costs, sizes(needs.get(first) ?? new Set())];
  return all.reduce((a, b) => a + b, 0) - Math.max(...all);
}

/** What the kernels write: for each the smallest values behind it that are enough. */
function writesOf(graph: Graph, values: readonly Value[]): number {
  const outputs = new Set(graph.outputs.map((o) => o.value));
  const users = new Map<Value, Value[]>();
  for (const v of values) for (const x of partsOf(v)) users.set(x, [...(users.get(x) ?? []), v]);
  const left = new Map<Value, ReadonlySet<Value>>();
  for (const v of values.toReversed()) {
    const own = users.get(v) ?? [];
    const kept = outputs.has(v) || own.some((user) => heavy.has(user.op));
    left.set(v, kept ? new Set([v]) : smaller(v, union(own.map((user) => left.get(user)))));
  }
  const written = [...outputs].filter((v) => partsOf(v).length > 0 && !values.some((x) => heavy.has(x.op)));
  return values
    .filter((v) => heavy.has(v.op))
    .reduce((sum, v) => sum + sizes(left.get(v) ?? new Set()), sizes(new Set(written)));
}

function weightsOf(values: readonly Value[]): number {
  const weights = new Set(values.flatMap((v) => v.operands).filter((x) => x?.isWeight === true)) as Set<Value>;
  return sizes(weights);
}
