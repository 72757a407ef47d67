import { internal } from "./schema.ts";

/** What a row's `fixed` lists: arguments that timm's entry function passes on itself, so that it fails on a second value. */
export const fixedArg = internal<readonly string[]>([]);

/** A row whose arguments users cannot set. */
export const fixed = <R extends object>(row: R): R & { readonly fixed: readonly string[] } => ({
  ...row,
  fixed: Object.keys(row),
});

/** The reason where a user sets one of them, or undefined. */
export function refuseFixed(c: { readonly fixed: readonly string[] }, given: ReadonlySet<string>): string | undefined {
  const name = c.fixed.find((n) => given.has(n));
  return name === undefined ? undefined : `this architecture sets ${name} itself`;
}
