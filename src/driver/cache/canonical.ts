import { TimmcError } from "../../ir/error.ts";

/**
 * The one text of a value made of JSON's kinds: keys in the order of their names, what is undefined left out, and numbers
 * that JSON has no spelling for in their own, so that different values have different texts. Throws TimmcError `usage` for
 * what is no data, such as a function.
 */
export function canonicalText(value: unknown): string {
  switch (typeof value) {
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? `[${value.map(elementText).join(",")}]` : `{${membersOf(value).join(",")}}`;
    default:
      throw new TimmcError("usage", `a ${typeof value} has no place in a request that is kept`);
  }
}

const elementText = (value: unknown): string => (value === undefined ? "undefined" : canonicalText(value));

const membersOf = (value: object): string[] =>
  Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalText(member)}`);
