import type { Arg } from "../schema.ts";

/** Readers of the keywords that timm passes on to a layer. */
type Readers<T> = { readonly [K in keyof T]-?: (json: unknown) => T[K] | undefined };

/** An argument that is a dictionary of keywords for a layer, each read by its own rule; what it lacks is not given. */
export const keywords = <T extends object>(readers: Readers<T>, fallback: T, doc: string): Arg<T> => ({
  type: `{${Object.keys(readers).join(", ")}}`,
  default: fallback,
  doc,
  inert: false,
  read: (json) => {
    if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
    const entries = Object.entries(json as Record<string, unknown>);
    const read = entries.map(([name, value]) => {
      const reader = Object.hasOwn(readers, name) ? readers[name as keyof T] : undefined;
      return [name, reader?.(value)] as const;
    });
    return read.every(([, value]) => value !== undefined) ? (Object.fromEntries(read) as T) : undefined;
  },
});
