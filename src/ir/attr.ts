import { type Dim, SymbolicDim, printDim } from "./dim.ts";
import { type DType, dtypes } from "./dtype.ts";

/** What an attribute can hold: the literals of the textual IR. */
export type AttrValue = number | boolean | string | Dim | readonly AttrValue[];

/** One attribute of an op: its default, and the check that narrows a literal to its type. */
export interface Attr<T> {
  /** For documentation and messages: `int`, `ints`, `"avg" | "max"`. */
  readonly type: string;
  readonly default: T | undefined;
  accepts(value: unknown): value is T;
  /** Axes may be counted from the back; the graph holds them counted from the front of the first operand. */
  fromFront(value: unknown, rank: number): unknown;
}

const attr = <T>(
  type: string,
  accepts: (v: unknown) => boolean,
  fallback: T | undefined,
  fromFront: (v: unknown, rank: number) => unknown = (v) => v,
): Attr<T> => ({ type, default: fallback, accepts: (v): v is T => accepts(v), fromFront });

const isDim = (v: unknown): boolean => Number.isInteger(v) || v instanceof SymbolicDim;
const listOf = (check: (v: unknown) => boolean) => (v: unknown) => Array.isArray(v) && v.every(check);

export const int = (fallback?: number): Attr<number> => attr("int", Number.isInteger, fallback);
export const float = (fallback?: number): Attr<number> => attr("float", (v) => typeof v === "number", fallback);
export const bool = (fallback?: boolean): Attr<boolean> => attr("bool", (v) => typeof v === "boolean", fallback);
export const text = (fallback?: string): Attr<string> => attr("text", (v) => typeof v === "string", fallback);
export const ints = (fallback?: readonly number[]): Attr<readonly number[]> =>
  attr("ints", listOf(Number.isInteger), fallback);
export const floats = (fallback?: readonly number[]): Attr<readonly number[]> =>
  attr(
    "floats",
    listOf((v) => typeof v === "number"),
    fallback,
  );
const frontAxis = (v: unknown, rank: number): unknown => (typeof v === "number" && v < 0 ? v + rank : v);
export const axis = (fallback?: number): Attr<number> => attr("axis", Number.isInteger, fallback, frontAxis);
export const axes = (fallback?: readonly number[]): Attr<readonly number[]> =>
  attr("axes", listOf(Number.isInteger), fallback, (v, rank) =>
    Array.isArray(v) ? v.map((a: unknown) => frontAxis(a, rank)) : v,
  );
export const dims = (fallback?: readonly Dim[]): Attr<readonly Dim[]> => attr("dims", listOf(isDim), fallback);
export const oneOf = <const T extends string>(values: readonly T[], fallback?: T): Attr<T> =>
  attr(values.map((v) => JSON.stringify(v)).join(" | "), (v) => values.some((x) => x === v), fallback);
export const dtype = (fallback?: DType): Attr<DType> => oneOf(dtypes, fallback);

/** The literal as the textual IR writes it; floats keep every digit. */
export function printAttr(value: AttrValue): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number" || value instanceof SymbolicDim) return printDim(value);
  return `[${value.map(printAttr).join(",")}]`;
}
