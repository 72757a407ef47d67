import { type Index, type Variable, variablesOf } from "./index-expr.ts";

/**
 * What a kernel computes with. Values of f16 buffers are read into f32 and rounded when they are stored. `f16x2` is a word of two
 * of them as they lie in memory: what is only moved, and the operands of matrix instructions.
 */
export type Scalar = "f32" | "i32" | "bool" | "f16x2";
export type Storage = "f32" | "f16" | "i32";

/** Memory of the device, or of one workgroup, that a kernel reads or writes: `length` elements. */
export interface Buffer {
  readonly name: string;
  readonly space: "device" | "workgroup";
  readonly storage: Storage;
  readonly length: number;
}

/** How many numbers a value holds: tiles are written with one, lowering makes vectors of them. */
export type Lanes = 1 | 2 | 4;

/** A value that a statement names: in tiles one number for each point of its axes, in threads a register. */
export interface Local {
  readonly name: string;
  readonly dtype: Scalar;
  readonly lanes: Lanes;
  readonly axes: readonly Variable[];
}

const unaryOps = ["neg", "abs", "exp", "log", "sqrt", "rsqrt", "sin", "cos", "tanh", "erf", "floor", "not"] as const;
const binaryOps = ["add", "sub", "mul", "div", "min", "max", "pow", "mod", "and", "or"] as const;
const compareOps = ["lt", "le", "eq"] as const;
export type UnaryOp = (typeof unaryOps)[number];
export type BinaryOp = (typeof binaryOps)[number];
export type CompareOp = (typeof compareOps)[number];
export type ReduceOp = "add" | "max";

/** What changes no sum and no maximum: below every number of a network, and far from the end of the type. */
export const neutral: Readonly<Record<ReduceOp, number>> = { add: 0, max: -3.0e38 };

/**
 * An expression of one number, with free variables: axes of a tile before lowering, blocks, threads and loops after it. It
 * broadcasts by name: a point of the free axes is a value. Nodes are compared by key.
 */
export type Expr = {
  readonly key: string;
  readonly dtype: Scalar;
  readonly lanes: Lanes;
  readonly free: ReadonlySet<string>;
} & (
  | { readonly kind: "literal"; readonly value: number }
  | { readonly kind: "index"; readonly index: Index }
  | { readonly kind: "load"; readonly buffer: Buffer; readonly index: Index; readonly mask: Expr | undefined }
  | { readonly kind: "local"; readonly local: Local }
  | { readonly kind: "unary"; readonly op: UnaryOp; readonly x: Expr }
  | { readonly kind: "binary"; readonly op: BinaryOp; readonly x: Expr; readonly y: Expr }
  | { readonly kind: "compare"; readonly op: CompareOp; readonly x: Expr; readonly y: Expr }
  | { readonly kind: "select"; readonly condition: Expr; readonly x: Expr; readonly y: Expr }
  | { readonly kind: "cast"; readonly x: Expr }
  | { readonly kind: "reduce"; readonly op: ReduceOp; readonly axes: readonly Variable[]; readonly x: Expr }
  | { readonly kind: "pack"; readonly parts: readonly Expr[] }
  | { readonly kind: "component"; readonly x: Expr; readonly lane: number }
  /** Two numbers, rounded, as a word, and the two numbers of a word. */
  | { readonly kind: "halves"; readonly x: Expr }
  | { readonly kind: "numbers"; readonly x: Expr }
  /** What the thread holds whose place in the warp differs in the bits of `xor`. All threads of the warp take part. */
  | { readonly kind: "shuffle"; readonly x: Expr; readonly xor: number }
);

const union = (...xs: readonly (Expr | undefined)[]): ReadonlySet<string> => {
  const out = new Set<string>();
  for (const x of xs) if (x !== undefined) for (const name of x.free) out.add(name);
  return out;
};

const none: ReadonlySet<string> = new Set();

export const literal = (value: number, dtype: Scalar = "f32"): Expr => ({
  kind: "literal",
  value,
  dtype,
  lanes: 1,
  key: `${dtype}:${Object.is(value, -0) ? "-0" : value}`,
  free: none,
});

/** An index as a number. */
export const indexValue = (index: Index): Expr =>
  index.terms.length === 0
    ? literal(index.constant, "i32")
    : { kind: "index", index, dtype: "i32", lanes: 1, key: `[${index.key}]`, free: variablesOf(index) };

/** How many elements of a buffer one lane of a value is. */
export const elementsOf = (dtype: Scalar): number => (dtype === "f16x2" ? 2 : 1);

/**
 * Elements of a buffer from `index` on, `lanes` of them or words of two; zero where the mask does not hold, and there nothing
 * is read. Throws where an index without a mask can leave the buffer.
 */
export function load(
  buffer: Buffer,
  index: Index,
  mask?: Expr,
  lanes: Lanes = 1,
  dtype: Scalar = buffer.storage === "i32" ? "i32" : "f32",
): Expr {
  if (mask?.kind === "literal" && mask.value === 0) return splat(literal(0, dtype), lanes);
  const kept = mask?.kind === "literal" ? undefined : mask;
  if (kept === undefined && (index.min < 0 || index.max + lanes * elementsOf(dtype) > buffer.length))
    throw new RangeError(`a load of ${buffer.name}[${index.key}] can leave its ${buffer.length} elements`);
  const width = `${lanes === 1 ? "" : `:${lanes}`}${dtype === "f16x2" ? "h" : ""}`;
  return {
    kind: "load",
    buffer,
    index,
    mask: kept,
    dtype,
    lanes,
    key: `${buffer.name}[${index.key}${width}${kept === undefined ? "" : ` if ${kept.key}`}]`,
    free: new Set([...variablesOf(index), ...(kept?.free ?? [])]),
  };
}

export const localValue = (local: Local): Expr => ({
  kind: "local",
  local,
  dtype: local.dtype,
  lanes: local.lanes,
  key: local.name,
  free: new Set(local.axes.map((a) => a.name)),
});

/** The same number in every lane. */
export const splat = (x: Expr, lanes: Lanes): Expr =>
  x.lanes === lanes ? x : pack(Array.from({ length: lanes }, () => x));

/** A vector of 2 or 4 numbers. */
export function pack(parts: readonly Expr[]): Expr {
  const [first] = parts;
  if (first === undefined || (parts.length !== 2 && parts.length !== 4))
    throw new RangeError("a vector has 2 or 4 lanes");
  if (first.kind === "component" && first.x.lanes === parts.length)
    if (parts.every((p, i) => p.kind === "component" && p.lane === i && p.x === first.x)) return first.x;
  return {
    kind: "pack",
    parts,
    dtype: first.dtype,
    lanes: parts.length,
    key: parts.every((p) => p.key === first.key)
      ? `${parts.length}x${first.key}`
      : `{${parts.map((p) => p.key).join(",")}}`,
    free: union(...parts),
  };
}

export function component(x: Expr, lane: number): Expr {
  if (x.lanes === 1) return x;
  if (x.kind === "pack") return x.parts[lane] ?? x;
  return { kind: "component", x, lane, dtype: x.dtype, lanes: 1, key: `${x.key}.${lane}`, free: x.free };
}

/** Operands of one number of lanes. */
const alike = (x: Expr, y: Expr): [Expr, Expr] => {
  const lanes = x.lanes > y.lanes ? x.lanes : y.lanes;
  return [splat(x, lanes), splat(y, lanes)];
};

export function unary(op: UnaryOp, x: Expr): Expr {
  if (op === "neg" && x.kind === "literal") return literal(-x.value, x.dtype);
  return { kind: "unary", op, x, dtype: x.dtype, lanes: x.lanes, key: `${op}(${x.key})`, free: x.free };
}

export function binary(op: BinaryOp, a: Expr, b: Expr): Expr {
  if (op === "and" || op === "or") {
    const neutral = op === "and" ? 1 : 0;
    if (a.kind === "literal") return a.value === neutral ? b : a;
    if (b.kind === "literal") return b.value === neutral ? a : b;
  }
  if (op === "mul" && a.kind === "literal" && a.value === 1) return b;
  if (op === "mul" && b.kind === "literal" && b.value === 1) return a;
  const [x, y] = alike(a, b);
  return {
    kind: "binary",
    op,
    x,
    y,
    dtype: x.dtype,
    lanes: x.lanes,
    key: `${op}(${x.key},${y.key})`,
    free: union(x, y),
  };
}

export const mul = (x: Expr, y: Expr): Expr => binary("mul", x, y);
export const plus = (x: Expr, y: Expr): Expr => binary("add", x, y);
export const minus = (x: Expr, y: Expr): Expr => binary("sub", x, y);

/** A comparison; one of indices that their ranges decide is a literal. */
export function compare(op: CompareOp, a: Expr, b: Expr): Expr {
  const p = rangeOf(a);
  const q = rangeOf(b);
  if (p !== undefined && q !== undefined && op !== "eq") {
    const holds = op === "lt" ? p.max < q.min : p.max <= q.min;
    const fails = op === "lt" ? p.min >= q.max : p.min > q.max;
    if (holds || fails) return literal(holds ? 1 : 0, "bool");
  }
  const [x, y] = alike(a, b);
  return {
    kind: "compare",
    op,
    x,
    y,
    dtype: "bool",
    lanes: x.lanes,
    key: `${op}(${x.key},${y.key})`,
    free: union(x, y),
  };
}

const rangeOf = (x: Expr): { min: number; max: number } | undefined =>
  x.kind === "index" ? x.index : x.kind === "literal" && x.dtype === "i32" ? { min: x.value, max: x.value } : undefined;

export function select(when: Expr, a: Expr, b: Expr): Expr {
  if (when.kind === "literal") return when.value === 0 ? b : a;
  if (isZero(b) && a.kind === "load" && implies(a.mask, when)) return a;
  const lanes = Math.max(when.lanes, a.lanes, b.lanes) as Lanes;
  const [condition, x, y] = [splat(when, lanes), splat(a, lanes), splat(b, lanes)];
  return {
    kind: "select",
    condition,
    x,
    y,
    dtype: x.dtype,
    lanes: x.lanes,
    key: `(${condition.key}?${x.key}:${y.key})`,
    free: union(condition, x, y),
  };
}

/** Zero in every lane. */
const isZero = (x: Expr): boolean =>
  (x.kind === "literal" && x.value === 0) || (x.kind === "pack" && x.parts.every(isZero));

/** Whether a mask, a conjunction, has a condition among its parts. */
const implies = (mask: Expr | undefined, condition: Expr): boolean =>
  condition.kind === "binary" && condition.op === "and"
    ? implies(mask, condition.x) && implies(mask, condition.y)
    : mask?.key === condition.key ||
      (mask?.kind === "binary" && mask.op === "and" && (implies(mask.x, condition) || implies(mask.y, condition)));

export const cast = (x: Expr, dtype: Scalar): Expr =>
  x.dtype === dtype
    ? x
    : x.kind === "literal"
      ? literal(x.value, dtype)
      : { kind: "cast", x, dtype, lanes: x.lanes, key: `${dtype}(${x.key})`, free: x.free };

/** A word of two halves. */
export const halves = (x: Expr): Expr => ({
  kind: "halves",
  x,
  dtype: "f16x2",
  lanes: 1,
  key: `halves(${x.key})`,
  free: x.free,
});

/** The two numbers of a word. */
export const numbers = (x: Expr): Expr => ({
  kind: "numbers",
  x,
  dtype: "f32",
  lanes: 2,
  key: `numbers(${x.key})`,
  free: x.free,
});

export const shuffle = (x: Expr, xor: number): Expr => ({
  kind: "shuffle",
  x,
  xor,
  dtype: x.dtype,
  lanes: x.lanes,
  key: `shuffle${xor}(${x.key})`,
  free: x.free,
});

/** The sum or the maximum over axes, which are free in the result no longer. */
export function reduce(op: ReduceOp, axes: readonly Variable[], x: Expr): Expr {
  const free = new Set(x.free);
  for (const axis of axes) free.delete(axis.name);
  const key = `${op}<${axes.map((a) => a.name).join(",")}>(${x.key})`;
  return { kind: "reduce", op, axes, x, dtype: x.dtype, lanes: 1, key, free };
}

/** 0 <= index < extent, as far as the range leaves it open. */
export const within = (index: Index, extent: number): Expr =>
  binary(
    "and",
    compare("le", literal(0, "i32"), indexValue(index)),
    compare("lt", indexValue(index), literal(extent, "i32")),
  );

/** The expressions that an expression is made of; not its indices. */
export function childrenOf(x: Expr): readonly Expr[] {
  switch (x.kind) {
    case "unary":
    case "cast":
    case "reduce":
    case "component":
    case "halves":
    case "numbers":
    case "shuffle":
      return [x.x];
    case "binary":
    case "compare":
      return [x.x, x.y];
    case "select":
      return [x.condition, x.x, x.y];
    case "pack":
      return x.parts;
    case "load":
      return x.mask === undefined ? [] : [x.mask];
    case "literal":
    case "index":
    case "local":
      return [];
  }
}
