import type { Graph } from "../ir/graph.ts";
import { type OpName, opNames } from "../ir/ops/index.ts";
import type { Value } from "../ir/value.ts";

/** What a pattern has found: values by the names that the pattern gives them; an absent optional operand is undefined. */
type Captures = Readonly<Record<string, Value | undefined>>;

/** Captures so far, and the values that the rewrite will replace. */
interface Found {
  readonly captures: Captures;
  readonly consumed: readonly Value[];
}

/**
 * A shape of expressions, written as the expression that it matches. `C` names what it captures. Matching answers with
 * what was found, or with the reason why a value is something else.
 */
interface Pattern<C> {
  readonly match: (value: Value | undefined, found: Found, graph: Graph) => Found | string;
  /** Only for the compiler: the captures. */
  readonly captured?: C;
}

/** A pattern whose value is made by one of some ops. */
export interface OpPattern<N extends OpName, C> extends Pattern<C> {
  readonly ops: readonly N[];
  /** As `match`, for the value that a rule replaces: its uses do not count. */
  readonly matchRoot: Pattern<C>["match"];
}

type Name<S extends string, V> = { readonly [K in S]: V };
type CapturesOf<A extends readonly unknown[]> = A extends readonly [Pattern<infer C>, ...infer Rest]
  ? C & CapturesOf<Rest>
  : unknown;

/** Any value. The same name in two places demands the same value. */
export const any = <const S extends string>(name: S): Pattern<Name<S, Value>> => ({
  match: (value, found) => (value === undefined ? `${name} is absent` : capture(name, value, found)),
});

/** A value that depends on parameters and constants alone: what is made of it is evaluated at emission. */
export const weight = <const S extends string>(name: S): Pattern<Name<S, Value>> => ({
  match: (value, found) => {
    if (value === undefined) return `${name} is absent`;
    return value.isWeight ? capture(name, value, found) : `${name} is no weight: it is known only when the model runs`;
  },
});

/** An optional operand: absent, or what the pattern says. */
export const maybe = <C>(pattern: Pattern<C>): Pattern<{ readonly [K in keyof C]: C[K] | undefined }> => ({
  match: (value, found, graph) => (value === undefined ? found : pattern.match(value, found, graph)),
});

/** Gives a name to the value that a pattern matches. */
export const bind = <const S extends string, N extends OpName, C>(
  name: S,
  pattern: OpPattern<N, C>,
): OpPattern<N, C & Name<S, Value<N>>> => {
  const named =
    (match: Pattern<C>["match"]): Pattern<C>["match"] =>
    (value, found, graph) => {
      const inner = match(value, found, graph);
      return typeof inner === "string" || value === undefined ? inner : capture(name, value, inner);
    };
  return { ops: pattern.ops, match: named(pattern.match), matchRoot: named(pattern.matchRoot) };
};

/** The first of some patterns that matches; they capture the same names. */
export const oneOf = <const P extends readonly OpPattern<OpName, unknown>[]>(
  ...patterns: P
): OpPattern<P[number]["ops"][number], P[number] extends Pattern<infer C> ? C : never> => {
  const first =
    (side: "match" | "matchRoot"): Pattern<unknown>["match"] =>
    (value, found, graph) => {
      const fits = patterns.filter((p) => value !== undefined && p.ops.includes(value.op));
      const answers = fits.map((p) => p[side](value, found, graph));
      return answers.find((a) => typeof a !== "string") ?? answers[0] ?? otherOp(ops, value);
    };
  const ops = patterns.flatMap((p) => p.ops);
  return { ops, match: first("match"), matchRoot: first("matchRoot") };
};

/**
 * A pattern that leaves its value alone: it may have other uses and stays where these need it. Without, an op inside of a
 * pattern must have one use, for it would otherwise be computed twice; an output of the graph is a use.
 */
export const shared = <N extends OpName, C>(pattern: OpPattern<N, C>): OpPattern<N, C> => ({
  ...pattern,
  match: pattern.matchRoot,
});

/** A pattern whose value has this many uses, by values and by outputs, which the rewrite accounts for. */
export const used = <N extends OpName, C>(times: number, pattern: OpPattern<N, C>): OpPattern<N, C> => ({
  ...pattern,
  match: (value, found, graph) => {
    const inner = pattern.matchRoot(value, found, graph);
    const uses = value === undefined ? 0 : graph.useCount(value);
    return typeof inner === "string" || uses === times ? inner : `${value?.op} has ${uses} uses instead of ${times}`;
  },
});

/**
 * Ops of some kinds in a row, as many as there are, each the first operand of the next and used by it alone; below the
 * row what the pattern says.
 */
export const chain = <const N extends OpName, C>(ops: readonly N[], below: Pattern<C>): OpPattern<N, C> => {
  const isLink = (value: Value | undefined): value is Value => value !== undefined && ops.some((n) => n === value.op);
  const matchRoot: Pattern<C>["match"] = (value, found, graph) => {
    if (!isLink(value)) return otherOp(ops, value);
    const start = { captures: found.captures, consumed: [...found.consumed, value] };
    const [next] = value.operands;
    return isLink(next) && graph.useCount(next) === 1 ? matchRoot(next, start, graph) : below.match(next, start, graph);
  };
  return { ops, match: usedOnce(matchRoot), matchRoot };
};

type Operands = readonly Pattern<unknown>[];
type OpPatterns = { readonly [N in OpName]: <A extends Operands>(...operands: A) => OpPattern<N, CapturesOf<A>> };

/** A pattern per op: `op.mul(op.conv(any("x"), weight("w")), weight("gain"))`. Operands that are left out may be anything. */
export const op = Object.fromEntries(
  opNames.map((name) => [name, (...operands: Operands) => opPattern(name, operands)]),
) as unknown as OpPatterns;

const commutative: ReadonlySet<OpName> = new Set(["add", "equal", "maximum", "minimum", "mul"]);

function opPattern(name: OpName, operands: Operands): OpPattern<OpName, unknown> {
  const orders = commutative.has(name) && operands.length === 2 ? [operands, operands.toReversed()] : [operands];
  const matchRoot: Pattern<unknown>["match"] = (value, found, graph) => {
    if (value?.op !== name) return otherOp([name], value);
    const start = { captures: found.captures, consumed: [...found.consumed, value] };
    const answers = orders.map((order) => matchAll(order, value.operands, start, graph));
    return answers.find((a) => typeof a !== "string") ?? answers[0] ?? "";
  };
  return { ops: [name], match: usedOnce(matchRoot), matchRoot };
}

/** A match inside of a pattern: the value has one use. */
const usedOnce =
  <C>(matchRoot: Pattern<C>["match"]): Pattern<C>["match"] =>
  (value, found, graph) => {
    const inner = matchRoot(value, found, graph);
    if (typeof inner === "string" || value === undefined || graph.useCount(value) === 1) return inner;
    return `${value.op} has ${graph.useCount(value)} uses, and each needs its own result`;
  };

function matchAll(
  patterns: Operands,
  values: readonly (Value | undefined)[],
  start: Found,
  graph: Graph,
): Found | string {
  let found = start;
  for (const [i, pattern] of patterns.entries()) {
    const next = pattern.match(values[i], found, graph);
    if (typeof next === "string") return next;
    found = next;
  }
  return found;
}

function capture(name: string, value: Value, { captures, consumed }: Found): Found | string {
  const known = captures[name];
  if (known !== undefined && known !== value) return `${name} stands for two different values`;
  return { captures: { ...captures, [name]: value }, consumed };
}

const otherOp = (wanted: readonly OpName[], value: Value | undefined): string =>
  `${value === undefined ? "nothing" : value.op} where ${wanted.join(" or ")} is wanted`;
