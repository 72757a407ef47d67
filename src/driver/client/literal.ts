/** What JSON holds. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** The type that has this value alone, as TypeScript spells it: `{ readonly "mean": readonly [0.5, 0.5] }`. */
export function literalType(value: Json): string {
  if (isList(value)) return `readonly [${value.map(literalType).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, field]) => `readonly ${JSON.stringify(key)}: ${literalType(field)}`);
  return `{ ${fields.join("; ")} }`;
}

/** Array.isArray, which does not narrow a readonly array. */
const isList = (value: Json): value is readonly Json[] => Array.isArray(value);
