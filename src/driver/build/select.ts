import { globMatch } from "../../frontend/glob.ts";
import { didYouMean, nearNames, quote } from "../../frontend/suggest.ts";
import { TimmcError } from "../../ir/error.ts";
import { type Shard, shardOf } from "./shard.ts";
import type { Variant } from "./variant.ts";

/** Which of the variants a run is to build. */
export interface Selection {
  /** Globs over names; any of them. */
  readonly only?: readonly string[] | undefined;
  readonly shard?: Shard | undefined;
}

/**
 * The variants of a selection, in their order. Shards are cut first, so that `only` does not move variants between them.
 * Throws TimmcError `usage` for a glob that no name of the whole build has.
 */
export function selectVariants(
  variants: readonly Variant[],
  { only, shard }: Selection,
  folder: string,
): readonly Variant[] {
  const part = shard === undefined ? variants : shardOf(variants, shard, folder);
  if (only === undefined || only.length === 0) return part;
  for (const pattern of only) {
    if (variants.some(({ name }) => isSelected(name, pattern))) continue;
    const near = nearNames(
      pattern.replaceAll("*", ""),
      variants.map((v) => v.name),
      3,
    );
    throw new TimmcError("usage", `no variant has a name like ${quote(pattern)}`, {
      hint: didYouMean(near) ?? "timmc build FILE --dry-run lists the names.",
    });
  }
  return part.filter(({ name }) => only.some((pattern) => isSelected(name, pattern)));
}

/** A pattern is of the whole name, or of the model's folder and all in it. */
const isSelected = (name: string, pattern: string): boolean =>
  globMatch(pattern, name) || globMatch(`${pattern}/*`, name);
