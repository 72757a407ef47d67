/**
 * Integer arithmetic of kernels: where an element lies. An index is a sum of integer multiples of atoms plus an integer;
 * an atom is a variable, floor(e / k) or e mod k, for an index e and an integer k > 1. Every variable knows its range, and
 * so every index does, which is what lets reshapes, window partitions and layouts compose and vanish:
 *
 *     floor((k a + r) / k) = a + floor(r / k)      floor(r / k) = 0 for 0 <= r < k
 *     (k a + r) mod k = r mod k                    r mod k = r      for 0 <= r < k
 *     k floor(e / k) + (e mod k) = e
 *
 * Floor rounds towards minus infinity. Keys are canonical: equal keys are equal indices.
 */
export class Index {
  readonly terms: readonly Term[];
  readonly constant: number;
  readonly key: string;
  /** Bounds, both included. */
  readonly min: number;
  readonly max: number;

  constructor(terms: readonly Term[], constant: number) {
    this.terms = terms;
    this.constant = constant;
    this.key = [...terms.map((t) => `${t.coefficient}*${t.atom.key}`), constant].join("+");
    let min = constant;
    let max = constant;
    for (const { coefficient, atom } of terms) {
      min += coefficient * (coefficient > 0 ? atom.min : atom.max);
      max += coefficient * (coefficient > 0 ? atom.max : atom.min);
    }
    this.min = min;
    this.max = max;
  }
}

/** An integer in [0, extent) that a kernel's axis, loop, block or thread stands for. Equal names are equal variables. */
export interface Variable {
  readonly name: string;
  readonly extent: number;
}

export type Atom = { readonly key: string; readonly min: number; readonly max: number } & (
  | { readonly kind: "variable"; readonly variable: Variable }
  | { readonly kind: "div" | "mod"; readonly of: Index; readonly by: number }
);

export interface Term {
  readonly coefficient: number;
  readonly atom: Atom;
}

export const constant = (value: number): Index => new Index([], value);

export const variable = (name: string, extent: number): Variable => ({ name, extent });

/** A variable of one value is that value. */
export const indexOf = (v: Variable): Index =>
  v.extent === 1
    ? constant(0)
    : new Index(
        [{ coefficient: 1, atom: { kind: "variable", key: v.name, min: 0, max: v.extent - 1, variable: v } }],
        0,
      );

export const isConstant = (e: Index): boolean => e.terms.length === 0;

export function add(...indices: readonly Index[]): Index {
  return sum(
    indices.flatMap((e) => e.terms),
    indices.reduce((n, e) => n + e.constant, 0),
  );
}

export const scale = (e: Index, by: number): Index =>
  by === 0
    ? constant(0)
    : new Index(
        e.terms.map((t) => ({ ...t, coefficient: t.coefficient * by })),
        e.constant * by,
      );

export const offset = (e: Index, by: number): Index => (by === 0 ? e : new Index(e.terms, e.constant + by));

/** floor(e / by) for an integer by >= 1. */
export function div(e: Index, by: number): Index {
  if (by === 1) return e;
  const { whole, rest } = split(e, by);
  const low = Math.floor(rest.min / by);
  if (low === Math.floor(rest.max / by)) return offset(whole, low);
  const divisor = common(rest, by);
  const numerator = divideExactly(rest, divisor);
  const k = by / divisor;
  const [only] = numerator.terms;
  if (only?.atom.kind === "div" && numerator.terms.length === 1 && only.coefficient === 1) {
    const inner = only.atom;
    return add(whole, div(offset(inner.of, numerator.constant * inner.by), inner.by * k));
  }
  const atom: Atom = {
    kind: "div",
    key: `(${numerator.key}/${k})`,
    min: Math.floor(numerator.min / k),
    max: Math.floor(numerator.max / k),
    of: numerator,
    by: k,
  };
  return add(whole, new Index([{ coefficient: 1, atom }], 0));
}

/** e - by floor(e / by) for an integer by >= 1: between 0 and by - 1. */
export function mod(e: Index, by: number): Index {
  if (by === 1) return constant(0);
  const { rest } = split(e, by);
  const low = Math.floor(rest.min / by);
  if (low === Math.floor(rest.max / by)) return offset(rest, -low * by);
  const divisor = rest.constant % common(rest, by) === 0 ? common(rest, by) : 1;
  const inner = divideExactly(rest, divisor);
  const k = by / divisor;
  const [only] = inner.terms;
  if (only?.atom.kind === "mod" && inner.terms.length === 1 && only.coefficient === 1 && only.atom.by % k === 0)
    return scale(mod(offset(only.atom.of, inner.constant), k), divisor);
  const atom: Atom = { kind: "mod", key: `(${inner.key}%${k})`, min: 0, max: k - 1, of: inner, by: k };
  return new Index([{ coefficient: divisor, atom }], 0);
}

/** The index with variables replaced. Variables that `replace` does not know stay. */
export function substitute(e: Index, replace: (v: Variable) => Index | undefined): Index {
  return add(
    constant(e.constant),
    ...e.terms.map(({ coefficient, atom }) => scale(substituteAtom(atom, replace), coefficient)),
  );
}

function substituteAtom(atom: Atom, replace: (v: Variable) => Index | undefined): Index {
  if (atom.kind === "variable") return replace(atom.variable) ?? new Index([{ coefficient: 1, atom }], 0);
  const of = substitute(atom.of, replace);
  return atom.kind === "div" ? div(of, atom.by) : mod(of, atom.by);
}

/** Every variable that the index depends on. */
export function variablesOf(e: Index, into: Set<string> = new Set()): Set<string> {
  for (const { atom } of e.terms) {
    if (atom.kind === "variable") into.add(atom.variable.name);
    else variablesOf(atom.of, into);
  }
  return into;
}

/** The coefficient of a variable where the index is linear in it, else undefined. */
export function coefficientOf(e: Index, name: string): number | undefined {
  let found = 0;
  for (const { coefficient, atom } of e.terms) {
    if (atom.kind === "variable") {
      if (atom.variable.name === name) found = coefficient;
    } else if (variablesOf(atom.of).has(name)) return undefined;
  }
  return found;
}

/** Whether every value of the index is a multiple of k, as far as its coefficients tell. */
export const isMultiple = (e: Index, k: number): boolean =>
  e.constant % k === 0 && e.terms.every((t) => t.coefficient % k === 0);

/** Merges equal atoms, puts div and mod of one index together, and sorts. */
function sum(terms: readonly Term[], constantTerm: number): Index {
  const merged = new Map<string, Term>();
  for (const term of terms) {
    const coefficient = (merged.get(term.atom.key)?.coefficient ?? 0) + term.coefficient;
    merged.set(term.atom.key, { coefficient, atom: term.atom });
  }
  for (const { coefficient, atom } of merged.values()) {
    if (atom.kind !== "mod" || coefficient === 0) continue;
    const whole = div(atom.of, atom.by);
    const [only] = whole.terms;
    if (whole.terms.length !== 1 || whole.constant !== 0 || only === undefined) continue;
    const found = merged.get(only.atom.key);
    if (found === undefined || found.coefficient * only.coefficient !== coefficient * atom.by) continue;
    const others = [...merged.values()].filter((t) => t.atom !== atom && t !== found);
    return add(sum(others, constantTerm), scale(atom.of, coefficient));
  }
  const kept = [...merged.values()].filter((t) => t.coefficient !== 0);
  kept.sort((a, b) => (a.atom.key < b.atom.key ? -1 : 1));
  return new Index(kept, constantTerm);
}

/** e = by whole + rest, with every coefficient of rest between 0 and by - 1, as is its constant. */
function split(e: Index, by: number): { whole: Index; rest: Index } {
  const floor = (n: number): number => Math.floor(n / by);
  const part = (of: (n: number) => number): Index =>
    new Index(
      e.terms.map((t) => ({ ...t, coefficient: of(t.coefficient) })).filter((t) => t.coefficient !== 0),
      of(e.constant),
    );
  return { whole: part(floor), rest: part((n) => n - floor(n) * by) };
}

/** The greatest number that divides every coefficient; 0 of a constant. */
export const divisorOf = (e: Index): number => e.terms.reduce((g, t) => gcd(g, t.coefficient), 0);

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

/** The greatest number that divides every coefficient and `by`. */
const common = (e: Index, by: number): number => e.terms.reduce((g, t) => gcd(g, t.coefficient), by);

/** floor(e / by) where `by` divides every coefficient. */
const divideExactly = (e: Index, by: number): Index =>
  by === 1
    ? e
    : new Index(
        e.terms.map((t) => ({ ...t, coefficient: t.coefficient / by })),
        Math.floor(e.constant / by),
      );
