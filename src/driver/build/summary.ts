import type { z } from "zod";
import type { Frozen } from "../manifest.ts";
import type { summarySchema, variantSummarySchema } from "./summary-schema.ts";

/** The version of the layout of build.json. */
export const summaryVersion = 1;

/** What a build made. The schema says what each field means. */
export type BuildSummary = Frozen<z.infer<typeof summarySchema>>;
export type VariantSummary = Frozen<z.infer<typeof variantSummarySchema>>;

/** What of a summary does not depend on the run: build.json. */
export const withoutTimes = (summary: BuildSummary): BuildSummary => ({
  ...summary,
  seconds: null,
  counts: { ...summary.counts, built: null, cached: null, kept: null },
  variants: summary.variants.map((v) => ({ ...v, origin: null, latency: null, seconds: null })),
});

/** The counts of a summary's variants. */
export function countsOf(variants: readonly VariantSummary[]): BuildSummary["counts"] {
  const state = (wanted: VariantSummary["state"]): number => variants.filter((v) => v.state === wanted).length;
  const origin = (wanted: VariantSummary["origin"]): number => variants.filter((v) => v.origin === wanted).length;
  return {
    variants: variants.length,
    complete: state("complete"),
    failed: state("failed"),
    missing: state("missing"),
    built: origin("built"),
    cached: origin("cached"),
    kept: origin("kept"),
  };
}
