import { TimmcError } from "./error.ts";

/**
 * Dimensions: a number, or an expression over named symbols (N for batch, H and W for dynamic sizes).
 *
 * Normal form: a sum of integer coefficients times products of atoms, plus an integer. An atom is a symbol or
 * floor(e / k) with e in normal form and k an integer > 1. Two rules keep floors canonical, for integers a, b, r:
 *
 *     floor((a k + e) / k) = a + floor(e / k)            multiples of k leave the floor
 *     floor((floor(e / a) + r) / b) = floor((e + r a) / (a b))   nested floors merge
 *
 * so that ceil(x / 2) written by an average pool and floor((x - 1) / 2) + 1 written by a strided convolution are the
 * same Dim. ceil(e / k) is floor((e + k - 1) / k).
 *
 * Every number in a dimension is an integer that float64 holds exactly; larger ones are refused.
 */
export type Dim = number | SymbolicDim;

type Atom =
  | { readonly kind: "symbol"; readonly key: string }
  | { readonly kind: "floor"; readonly key: string; readonly numerator: Dim; readonly divisor: number };

interface Term {
  readonly key: string;
  readonly coefficient: number;
  readonly atoms: readonly Atom[];
}

/** A dimension that depends on at least one symbol. Made only by the functions of this file. */
export class SymbolicDim {
  readonly terms: readonly Term[];
  readonly constant: number;
  /** The canonical text: equal keys are equal dimensions. */
  readonly key: string;

  constructor(terms: readonly Term[], constant: number) {
    this.terms = terms;
    this.constant = constant;
    const parts = terms.map((t, i) => {
      const magnitude = Math.abs(t.coefficient);
      const body = magnitude === 1 ? t.key : `${magnitude}*${t.key}`;
      if (i === 0) return t.coefficient < 0 ? `-${body}` : body;
      return `${t.coefficient < 0 ? "-" : "+"}${body}`;
    });
    this.key = parts.join("") + (constant === 0 ? "" : constant < 0 ? String(constant) : `+${constant}`);
  }

  toString(): string {
    return this.key;
  }
}

export const isStatic = (dim: Dim): dim is number => typeof dim === "number";

/** Whether the normal form adds something: products of such dimensions are distributed. */
export const isSum = (dim: Dim): boolean => !isStatic(dim) && (dim.terms.length > 1 || dim.constant !== 0);

/** The most axes that a shape can have, as in NumPy. */
export const maxRank = 32;

/** Words that the textual IR reads as something else. */
const reserved = new Set(["floor", "true", "false", "NaN", "Infinity"]);

/** The dimension that a name stands for. */
export function symbol(name: string): Dim {
  if (!/^[A-Za-z_]\w{0,63}$/.test(name) || reserved.has(name))
    throw new TimmcError("invalid-ir", `${JSON.stringify(name)} cannot name a dimension`, {
      hint: "a name is an identifier of at most 64 characters",
    });
  return fromTerms([{ key: name, coefficient: 1, atoms: [{ kind: "symbol", key: name }] }], 0);
}

/** `n`, if float64 still counts exactly there; negative zero becomes zero. */
function exact(n: number): number {
  if (!Number.isSafeInteger(n))
    throw new TimmcError("invalid-ir", `a dimension holds integers up to 2^53 - 1, not ${n}`);
  return n === 0 ? 0 : n;
}

const termsOf = (dim: Dim): readonly Term[] => (isStatic(dim) ? [] : dim.terms);
const constantOf = (dim: Dim): number => (isStatic(dim) ? dim : dim.constant);

function fromTerms(terms: Iterable<Term>, constant: number): Dim {
  const merged = new Map<string, Term>();
  for (const term of terms) {
    const coefficient = exact((merged.get(term.key)?.coefficient ?? 0) + term.coefficient);
    merged.set(term.key, { ...term, coefficient });
  }
  const kept = [...merged.values()].filter((t) => t.coefficient !== 0).sort((a, b) => (a.key < b.key ? -1 : 1));
  return kept.length === 0 ? exact(constant) : new SymbolicDim(kept, exact(constant));
}

export function addDim(...dims: readonly Dim[]): Dim {
  let constant = 0;
  const terms: Term[] = [];
  for (const dim of dims) {
    constant += constantOf(dim);
    terms.push(...termsOf(dim));
  }
  return terms.length === 0 ? exact(constant) : fromTerms(terms, constant);
}

export function scaleDim(dim: Dim, by: number): Dim {
  if (isStatic(dim)) return exact(dim * by);
  return fromTerms(
    dim.terms.map((t) => ({ ...t, coefficient: t.coefficient * by })),
    dim.constant * by,
  );
}

export const subDim = (a: Dim, b: Dim): Dim => addDim(a, scaleDim(b, -1));

export function mulDim(...dims: readonly Dim[]): Dim {
  let product: Dim = 1;
  for (const dim of dims) product = mulPair(product, dim);
  return product;
}

function mulPair(a: Dim, b: Dim): Dim {
  if (isStatic(a)) return scaleDim(b, a);
  if (isStatic(b)) return scaleDim(a, b);
  const terms: Term[] = [...termsOf(scaleDim(a, b.constant)), ...termsOf(scaleDim(b, a.constant))];
  for (const s of a.terms)
    for (const t of b.terms) {
      const atoms = [...s.atoms, ...t.atoms].sort((p, q) => (p.key < q.key ? -1 : 1));
      terms.push({ key: atoms.map((x) => x.key).join("*"), coefficient: s.coefficient * t.coefficient, atoms });
    }
  return fromTerms(terms, a.constant * b.constant);
}

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));
const mod = (a: number, k: number): number => a - Math.floor(a / k) * k;

/** floor(dim / divisor), divisor a positive integer. */
export function floorDivDim(dim: Dim, divisor: number): Dim {
  if (!Number.isSafeInteger(divisor) || divisor < 1)
    throw new TimmcError("invalid-ir", `a dimension is divided by positive integers, not ${divisor}`);
  if (divisor === 1) return dim;
  if (isStatic(dim)) return exact(Math.floor(dim / divisor));
  const outside: Term[] = [];
  const inside: Term[] = [];
  for (const t of dim.terms) {
    const r = mod(t.coefficient, divisor);
    if (t.coefficient !== r) outside.push({ ...t, coefficient: (t.coefficient - r) / divisor });
    if (r !== 0) inside.push({ ...t, coefficient: r });
  }
  const rest = mod(dim.constant, divisor);
  const whole = fromTerms(outside, (dim.constant - rest) / divisor);
  if (inside.length === 0) return whole;
  const g = inside.reduce((acc, t) => gcd(acc, t.coefficient), divisor);
  const reduced = fromTerms(
    inside.map((t) => ({ ...t, coefficient: t.coefficient / g })),
    Math.floor(rest / g),
  );
  return addDim(whole, floorAtom(reduced, divisor / g));
}

function floorAtom(numerator: Dim, divisor: number): Dim {
  if (divisor === 1 || isStatic(numerator)) return floorDivDim(numerator, divisor);
  const [only] = numerator.terms;
  const inner = only?.atoms[0];
  if (numerator.terms.length === 1 && only?.coefficient === 1 && only.atoms.length === 1 && inner?.kind === "floor")
    return floorDivDim(addDim(inner.numerator, numerator.constant * inner.divisor), inner.divisor * divisor);
  const key = `floor(${isSum(numerator) ? `(${numerator.key})` : numerator.key}/${divisor})`;
  return fromTerms([{ key, coefficient: 1, atoms: [{ kind: "floor", key, numerator, divisor }] }], 0);
}

/** ceil(dim / divisor). */
export const ceilDivDim = (dim: Dim, divisor: number): Dim => floorDivDim(addDim(dim, divisor - 1), divisor);

/** Whether two dimensions agree for every value of the symbols: yes, no (never), or unknown (sometimes). */
export function compareDim(a: Dim, b: Dim): "yes" | "no" | "unknown" {
  const difference = subDim(a, b);
  if (difference === 0) return "yes";
  return isStatic(difference) ? "no" : "unknown";
}

export const sameDim = (a: Dim, b: Dim): boolean => (isStatic(a) && isStatic(b) ? a === b : compareDim(a, b) === "yes");
export const sameShape = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((d, i) => sameDim(d, b[i] ?? 0));

export const printDim = (dim: Dim): string => (isStatic(dim) ? String(dim) : dim.key);
export const printShape = (shape: readonly Dim[]): string => `[${shape.map(printDim).join(",")}]`;

/** Replaces symbols by dimensions; symbols that `bindings` lacks stay. */
export function substituteDim(dim: Dim, bindings: Readonly<Record<string, Dim>>): Dim {
  if (isStatic(dim)) return dim;
  const atom = (a: Atom): Dim =>
    a.kind === "symbol"
      ? ((Object.hasOwn(bindings, a.key) ? bindings[a.key] : undefined) ?? symbol(a.key))
      : floorDivDim(substituteDim(a.numerator, bindings), a.divisor);
  return addDim(dim.constant, ...dim.terms.map((t) => scaleDim(mulDim(...t.atoms.map(atom)), t.coefficient)));
}

/** The symbols that a dimension depends on, in the order of its normal form. */
export function symbolsOf(dim: Dim): ReadonlySet<string> {
  const found = new Set<string>();
  for (const term of termsOf(dim))
    for (const a of term.atoms) {
      if (a.kind === "symbol") found.add(a.key);
      else for (const s of symbolsOf(a.numerator)) found.add(s);
    }
  return found;
}
