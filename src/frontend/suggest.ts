import { printable } from "./printable.ts";

export { nearNames } from "../zoo/near-names.ts";

/** `Did you mean "a", "b" or "c"?`, or undefined where there is nothing to suggest. */
export function didYouMean(names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const quoted = names.map((name) => quote(name));
  const last = quoted.at(-1) ?? "";
  return `Did you mean ${quoted.length === 1 ? last : `${quoted.slice(0, -1).join(", ")} or ${last}`}?`;
}

/** Text from outside, safe to print: quoted, escaped where a terminal would obey, cut at 120 characters. */
export function quote(text: string): string {
  return printable(JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text));
}
