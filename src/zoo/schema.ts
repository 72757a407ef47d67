import { TimmcError } from "../ir/error.ts";
import { nearNames } from "./near-names.ts";

/**
 * The arguments of a family, by timm's keyword names: one record per argument says its type, default, range and meaning,
 * and error texts, `--help` and `timmc info` print it.
 */
export interface Arg<T> {
  /** For people: `integer >= 0`, `"avg" | "max"`. */
  readonly type: string;
  readonly default: T;
  readonly doc: string;
  /** Accepted because timm takes it, without effect on inference. */
  readonly inert: boolean;
  /** timm's constructor swallows it (`**kwargs`): accepted with a notice that it does nothing. */
  readonly ignored?: boolean;
  /** The value for a JSON value, or undefined where it does not fit. */
  read(json: unknown): T | undefined;
}

export type Schema = Readonly<Record<string, Arg<unknown>>>;
export type ConfigOf<S extends Schema> = { readonly [K in keyof S]: S[K] extends Arg<infer T> ? T : never };

interface Range {
  readonly min?: number;
  readonly max?: number;
}

const make = <T>(type: string, fallback: T, doc: string, read: (json: unknown) => T | undefined): Arg<T> => ({
  type,
  default: fallback,
  doc,
  inert: false,
  read,
});

/** The largest extent, width or count where an argument names none: beyond every network, and small enough to build. */
const maxInteger = 65_536;

const inRange = (v: number, { min = -Infinity, max = Infinity }: Range): boolean => v >= min && v <= max;
const isInt = (v: unknown, { min = -maxInteger, max = maxInteger }: Range): v is number =>
  Number.isInteger(v) && inRange(v as number, { min, max });
const rangeText = (name: string, { min, max }: Range): string =>
  name +
  (min === undefined ? "" : ` >= ${min}`) +
  (max === undefined ? "" : `${min === undefined ? "" : " and"} <= ${max}`);

export const int = (fallback: number, doc: string, range: Range = {}): Arg<number> =>
  make(rangeText("integer", range), fallback, doc, (v) => (isInt(v, range) ? v : undefined));

export const number = (fallback: number, doc: string, range: Range = {}): Arg<number> =>
  make(rangeText("number", range), fallback, doc, (v) =>
    typeof v === "number" && Number.isFinite(v) && inRange(v, range) ? v : undefined,
  );

export const bool = (fallback: boolean, doc: string): Arg<boolean> =>
  make("true | false", fallback, doc, (v) =>
    typeof v === "boolean" ? v : v === 0 ? false : v === 1 ? true : undefined,
  );

export const oneOf = <const T extends string | number | boolean>(
  values: readonly T[],
  fallback: NoInfer<T>,
  doc: string,
): Arg<T> => make(values.map((v) => JSON.stringify(v)).join(" | "), fallback, doc, (v) => values.find((x) => x === v));

const listOf = <T>(one: Arg<T>, fallback: readonly T[], doc: string, length?: number): Arg<readonly T[]> =>
  make(`list of ${length ?? ""} ${one.type}`.replace("  ", " "), fallback, doc, (v) => {
    if (!Array.isArray(v) || (length !== undefined && v.length !== length)) return undefined;
    const values = v.map((x: unknown) => one.read(x));
    return values.every((x) => x !== undefined) ? values : undefined;
  });

interface ListRange extends Range {
  readonly length?: number;
}

export const ints = (fallback: readonly number[], doc: string, { length, ...range }: ListRange = {}) =>
  listOf(int(0, doc, range), fallback, doc, length);

export const numbers = (fallback: readonly number[], doc: string, { length, ...range }: ListRange = {}) =>
  listOf(number(0, doc, range), fallback, doc, length);

export const bools = (fallback: readonly boolean[], doc: string, { length }: { readonly length?: number } = {}) =>
  listOf(bool(false, doc), fallback, doc, length);

/** One integer for both axes, or [height, width]. */
export const pair = (fallback: number, doc: string, range: Range = { min: 1 }): Arg<readonly [number, number]> =>
  make<readonly [number, number]>(
    `${rangeText("integer", range)}, or [height, width]`,
    [fallback, fallback],
    doc,
    (v) => {
      const [h, w]: readonly unknown[] = Array.isArray(v) ? (v.length === 2 ? v : []) : [v, v];
      return isInt(h, range) && isInt(w, range) ? [h, w] : undefined;
    },
  );

/** A number n for the last n, or a list of indices; not given by default. */
export const lastOrList = (doc: string): Arg<number | readonly number[] | undefined> =>
  make<number | readonly number[] | undefined>("integer >= 1, or list of integers", undefined, doc, (v) => {
    if (Array.isArray(v)) return v.length > 0 && v.every((n) => Number.isInteger(n)) ? (v as number[]) : undefined;
    return typeof v === "number" && Number.isInteger(v) && v >= 1 ? v : undefined;
  });

/** One value for all stages, or a list with one per stage. */
export const perStage = <T extends number | boolean | string>(
  arg: Arg<T>,
  fallback: T | readonly T[] = arg.default,
): Arg<T | readonly T[]> =>
  make<T | readonly T[]>(`${arg.type}, or a list with one per stage`, fallback, arg.doc, (v) => {
    if (!Array.isArray(v)) return arg.read(v);
    const values = v.map((x: unknown) => arg.read(x));
    return values.every((x) => x !== undefined) ? values : undefined;
  });

/** The value of each of `stages` stages. */
export const stagewise = <T>(value: T | readonly T[], stages: number): readonly T[] =>
  Array.isArray(value) ? (value as readonly T[]) : Array.from({ length: stages }, () => value as T);

/** A value of the definition that no JSON can give, such as a block or a table: variants set it, users cannot. */
export const internal = <T>(fallback: T): Arg<T> => make<T>("set by the architecture", fallback, "", () => undefined);

/** The argument, or nothing (timm's None). */
export const optional = <T>(arg: Arg<T>): Arg<T | undefined> => ({
  ...arg,
  default: undefined,
  read: (v) => arg.read(v),
});

/** An argument that timm takes and that changes nothing at inference: drop rates, initialisation, checkpointing. */
export const inert = (doc: string): Arg<unknown> => ({
  ...make<unknown>("any", undefined, doc, (v) => v),
  inert: true,
});

/** An argument that timm's constructor swallows without using it, such as an option of another implementation. */
export const ignored = (doc: string): Arg<unknown> => ({ ...inert(doc), ignored: true });

/** An argument for which timm calls what it is given, so that only a Python class works: variants set it, users cannot. */
export const classOnly = <T>(fallback: T, doc: string): Arg<T> =>
  make<T>("a Python class only, which no name can stand for", fallback, doc, () => undefined);

/** A number that changes nothing at inference, though timm calculates with it. */
const inertNumber = (doc: string, range: Range = {}): Arg<unknown> => ({
  ...optional(number(0, doc, range)),
  inert: true,
});

/** The rate of a dropout, which torch holds to be a probability even where nothing is dropped. */
export const dropout = (doc: string): Arg<unknown> => inertNumber(doc, { min: 0, max: 1 });

/** The training-only arguments that almost every timm model takes. */
export const dropRates = {
  drop_rate: dropout("dropout before the classifier; no effect at inference"),
  drop_path_rate: inertNumber("stochastic depth; no effect at inference"),
} as const;

/** Reads user arguments against a schema. Unknown names and wrong types are refused with what the family takes. */
export function readArgs<S extends Schema>(
  schema: S,
  owner: string,
  given: Readonly<Record<string, unknown>>,
): Partial<ConfigOf<S>> {
  const out: Record<string, unknown> = {};
  for (const [name, json] of Object.entries(given)) {
    if (json === null || json === undefined) continue;
    const arg = Object.hasOwn(schema, name) ? schema[name] : undefined;
    if (arg === undefined || arg.type === internalType) throw unknownArgument(schema, owner, name);
    const value = arg.read(json);
    if (value === undefined)
      throw new TimmcError("usage", `${name}=${JSON.stringify(json)}: ${owner} takes ${arg.type}`, {
        hint: `${name}: ${arg.doc} (default ${printDefault(arg)})${isLarge(json) ? `; integers go up to ${maxInteger}` : ""}`,
      });
    out[name] = value;
  }
  return out as Partial<ConfigOf<S>>;
}

const isLarge = (json: unknown): boolean => [json].flat().some((n) => typeof n === "number" && n > maxInteger);

const internalType = internal(undefined).type;

const printDefault = (arg: Arg<unknown>): string =>
  arg.default === undefined ? "not given" : JSON.stringify(arg.default);

/** What a network has whose row and user give nothing. */
export const defaultsOf = <S extends Schema>(schema: S): ConfigOf<S> =>
  Object.fromEntries(Object.entries(schema).map(([name, arg]) => [name, arg.default])) as ConfigOf<S>;

/** The arguments that users may set, for help texts. */
export const publicArgs = (schema: Schema): [string, Arg<unknown>][] =>
  Object.entries(schema).filter(([, arg]) => arg.type !== internalType);

function unknownArgument(schema: Schema, owner: string, name: string): TimmcError {
  const names = publicArgs(schema).map(([n]) => n);
  const near = nearNames(name, names, 3);
  const question =
    name === "img_size"
      ? ": its size is the input's alone, --input-size C,H,W"
      : near.length > 0
        ? `; did you mean ${near.join(", ")}?`
        : "";
  return new TimmcError("usage", `${owner} takes no argument ${JSON.stringify(name)}${question}`, {
    hint: `it takes: ${names.join(", ")}`,
  });
}
