import { join } from "node:path";
import { TimmcError } from "../../ir/error.ts";
import type { Watch } from "../../backends/write-parts.ts";
import { bench } from "../bench.ts";
import type { VariantSummary } from "./summary.ts";

interface Timing extends Watch {
  readonly out: string;
  readonly note?: ((text: string) => void) | undefined;
}

/** Runs of each variant. */
const runs = 20;

/**
 * Times variants that are complete, one after another with the machine to itself; what cannot run here has no time, and
 * `notices` says why. Throws `interrupted`.
 */
export async function timeVariants(
  variants: readonly VariantSummary[],
  { out, signal, progress, note }: Timing,
  notices: Set<string>,
): Promise<VariantSummary[]> {
  const timed: VariantSummary[] = [];
  for (const variant of variants) {
    progress?.(`${variant.name}: timing`);
    timed.push(variant.state === "complete" ? await timeOne(variant, { out, signal, note }, notices) : variant);
  }
  return timed;
}

async function timeOne(
  variant: VariantSummary,
  { out, signal, note }: Timing,
  notices: Set<string>,
): Promise<VariantSummary> {
  try {
    const { artifacts } = await bench([join(out, variant.name)], { runs, signal });
    const [timing] = artifacts;
    if (timing === undefined) return variant;
    return { ...variant, latency: { p50_ms: timing.p50_ms, p95_ms: timing.p95_ms, batch: timing.batch } };
  } catch (error) {
    if (!(error instanceof TimmcError) || error.code === "interrupted") throw error;
    const text = `${variant.target} is not timed: ${error.message}`;
    if (!notices.has(text)) note?.(text);
    notices.add(text);
    return variant;
  }
}
