import { TimmcError } from "../../ir/error.ts";

/** Far deeper and larger than any configuration that somebody wrote. */
const maxDepth = 32;
const maxValues = 200_000;

/**
 * A copy of a value in what JSON knows: null, booleans, finite numbers, strings, lists and plain objects. Keys that are
 * undefined are "not given" and left out. Throws TimmcError `config` with the place of anything else: a program may export
 * a function, a date, or an object that holds itself.
 */
export function plainData(value: unknown, place: readonly string[]): unknown {
  let values = 0;
  const copy = (value: unknown, trail: readonly string[]): unknown => {
    const refuse = (what: string): never => {
      throw new TimmcError("config", what, {
        trail: shortened(trail),
        hint: "A configuration is data, as JSON has it.",
      });
    };
    if (++values > maxValues) refuse(`it has more than ${maxValues} values`);
    if (trail.length - place.length > maxDepth) refuse(`it is nested deeper than ${maxDepth}, or holds itself`);
    if (value === null || typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value === "number")
      return Number.isFinite(value) ? value : refuse(`${String(value)} is not a number that JSON has`);
    if (Array.isArray(value)) return Array.from(value, (x: unknown, i) => copy(x ?? null, [...trail, String(i)]));
    if (typeof value !== "object" || !isPlain(value)) return refuse(`a ${typeof value} is no data`);
    const given = Object.entries(value).filter(([, x]) => x !== undefined);
    return Object.fromEntries(given.map(([key, x]) => [key, copy(x, [...trail, key])]));
  };
  return copy(value, place);
}

/** A trail that a person can read: what holds itself has a long one. */
const shortened = (trail: readonly string[]): readonly string[] =>
  trail.length > 8 ? [...trail.slice(0, 8), "..."] : trail;

/** An object literal, also one of another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (typeof prototype === "object" && Object.getPrototypeOf(prototype) === null);
}
