import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { canonicalText } from "../cache/canonical.ts";
import { readBounded } from "../../runtime/read-file.ts";
import { makeFolder } from "../../frontend/make-folder.ts";
import { manifestName, maxJsonBytes, writeWhole } from "../artifact-files.ts";
import { summarySchema } from "./summary-schema.ts";
import { type BuildSummary, type VariantSummary, countsOf, withoutTimes } from "./summary.ts";

/** Of 10,000 variants. */
const maxSummaryBytes = 256 * 2 ** 20;

/** The summary's file in the output folder; a shard has its own. */
const summaryName = ({ shard }: Pick<BuildSummary, "shard">): string =>
  shard === null ? "build.json" : `build.${shard.index}-of-${shard.of}.json`;

/**
 * Writes what of a summary does not depend on the run. Of a run that built some of the variants alone, `all` are every
 * variant: those that it left out are as the file had them, where their artifacts are still the same.
 */
export function writeSummary(out: string, summary: BuildSummary, all?: readonly VariantSummary[]): void {
  makeFolder(out);
  const path = join(out, summaryName(summary));
  const whole = all === undefined || summary.shard !== null ? summary : merged(summary, all, readOld(path), out);
  writeWhole(path, `${JSON.stringify(withoutTimes(whole), undefined, 2)}\n`);
}

function merged(
  summary: BuildSummary,
  all: readonly VariantSummary[],
  old: readonly VariantSummary[],
  out: string,
): BuildSummary {
  const now = new Map(summary.variants.map((v) => [v.name, v]));
  const then = new Map(old.filter((v) => isThere(v, out)).map((v) => [v.name, v]));
  const variants = all.map((variant) => {
    const before = then.get(variant.name);
    const isSame = before !== undefined && canonicalText(before.fields) === canonicalText(variant.fields);
    return now.get(variant.name) ?? (isSame ? before : variant);
  });
  const bytes = variants.reduce((n, { artifact }) => n + (artifact?.bytes ?? 0), 0);
  return { ...summary, variants, counts: countsOf(variants), bytes };
}

/** What the file says of variants; nothing where it is none of ours. */
function readOld(path: string): readonly VariantSummary[] {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return [];
  try {
    const value = JSON.parse(new TextDecoder().decode(readBounded(path, maxSummaryBytes))) as unknown;
    return summarySchema.safeParse(value).data?.variants ?? [];
  } catch {
    return [];
  }
}

/** Whether the artifact that a summary tells of is the one in its folder. */
function isThere({ name, artifact }: VariantSummary, out: string): boolean {
  const path = join(out, name, manifestName);
  if (artifact === null || statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  return createHash("sha256").update(readBounded(path, maxJsonBytes)).digest("hex") === artifact.manifest_sha256;
}
