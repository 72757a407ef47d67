import { type Dim, SymbolicDim, maxRank, printDim } from "./dim.ts";
import { type DType, dtypes } from "./dtype.ts";

/** What an attribute can hold: the literals of the textual IR. */
export type AttrValue = number | boolean | string | Dim | readonly AttrValue[];

/** One attribute of an op: its default, and the check that narrows a literal to its type. */
export interface Attr<T> {
  /** For documentation and messages: `int`, `ints`, `"avg" | "max"`. */
  readonly type: string;
  readonly default: T | undefined;
  accepts(value: unknown): value is T;
  /** The one form that the graph holds: axes counted from the front of the first operand, no negative zero in integers. */
  canonical(value: unknown, rank: number): unknown;
}

const attr = <T>(
  type: string,
  accepts: (v: unknown) => boolean,
  fallback: T | undefined,
  canonical: (v: unknown, rank: number) => unknown = (v) => v,
): Attr<T> => ({ type, default: fallback, accepts: (v): v is T => accepts(v), canonical });

const isDim = (v: unknown): boolean => Number.isSafeInteger(v) || v instanceof SymbolicDim;
const listOf = (check: (v: unknown) => boolean) => (v: unknown) => Array.isArray(v) && v.every(check);
const each = (change: (v: unknown, rank: number) => unknown) => (v: unknown, rank: number) =>
  Array.isArray(v) ? v.map((x: unknown) => change(x, rank)) : v;
const plainZero = (v: unknown): unknown => (v === 0 ? 0 : v);
const frontAxis = (v: unknown, rank: number): unknown => plainZero(typeof v === "number" && v < 0 ? v + rank : v);

export const int = (fallback?: number): Attr<number> => attr("int", Number.isSafeInteger, fallback, plainZero);
export const float = (fallback?: number): Attr<number> => attr("float", (v) => typeof v === "number", fallback);
export const bool = (fallback?: boolean): Attr<boolean> => attr("bool", (v) => typeof v === "boolean", fallback);
export const text = (fallback?: string): Attr<string> => attr("text", (v) => typeof v === "string", fallback);
export const ints = (fallback?: readonly number[]): Attr<readonly number[]> =>
  attr("ints", listOf(Number.isSafeInteger), fallback, each(plainZero));
export const floats = (fallback?: readonly number[]): Attr<readonly number[]> =>
  attr(
    "floats",
    listOf((v) => typeof v === "number"),
    fallback,
  );
export const axis = (fallback?: number): Attr<number> => attr("axis", Number.isSafeInteger, fallback, frontAxis);
export const axes = (fallback?: readonly number[]): Attr<readonly number[]> =>
  attr("axes", listOf(Number.isSafeInteger), fallback, each(frontAxis));
export const dims = (fallback?: readonly Dim[]): Attr<readonly Dim[]> =>
  attr("dims", (v) => listOf(isDim)(v) && (v as readonly unknown[]).length <= maxRank, fallback, each(plainZero));
export const oneOf = <const T extends string>(values: readonly T[], fallback?: T): Attr<T> =>
  attr(values.map((v) => JSON.stringify(v)).join(" | "), (v) => values.some((x) => x === v), fallback);
export const dtype = (fallback?: DType): Attr<DType> => oneOf(dtypes, fallback);

/** The literal as the textual IR writes it; floats keep every digit. Equal texts are equal values. */
export function printAttr(value: AttrValue): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "boolean") return String(value);
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "number" || value instanceof SymbolicDim) return printDim(value);
  return `[${value.map(printAttr).join(",")}]`;
}

/** Whether the value depends on no symbol. */
export function isStaticAttr(value: AttrValue): boolean {
  return Array.isArray(value) ? value.every(isStaticAttr) : !(value instanceof SymbolicDim);
}
