import { parseReference } from "../../frontend/reference.ts";
import { TimmcError } from "../../ir/error.ts";
import { needOf, sizeOf } from "../build/memory.ts";
import { compileRequestOf } from "../build/requests.ts";
import type { Variant, VariantFields } from "../build/variant.ts";
import { canonicalText } from "../cache/canonical.ts";

/** Where nothing is known: a network that is refused, or whose configuration is elsewhere. */
const usualNeed = 2 ** 30;

/** Bytes of memory that the variants' compiles take at most, in order. Networks of one configuration are looked at once. */
export async function variantNeeds(variants: readonly Variant[], folder: string): Promise<number[]> {
  const known = new Map<string, number>();
  const needs: number[] = [];
  for (const { fields } of variants) {
    const { model, args, cfg, inputSize } = fields;
    const key = canonicalText({ model, args: args ?? null, cfg: cfg ?? null, inputSize: inputSize ?? null });
    const need = known.get(key) ?? (await needOfFields(fields, folder));
    known.set(key, need);
    needs.push(need);
  }
  return needs;
}

/** Nothing is asked of the Hub. */
async function needOfFields(fields: VariantFields, folder: string): Promise<number> {
  if (parseReference(fields.model).kind === "hf-hub") return usualNeed;
  try {
    const structure = { ...fields, weights: "none", calibration: undefined } as const;
    return needOf(await sizeOf(compileRequestOf(structure, folder)), false);
  } catch (error) {
    if (error instanceof TimmcError) return usualNeed;
    throw error;
  }
}
