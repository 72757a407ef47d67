import { readLocalDir } from "../../frontend/local-dir.ts";
import { parseReference } from "../../frontend/reference.ts";
import { benchmarks, modelName, pretrainedTags } from "../../frontend/registry.ts";
import { resolve } from "node:path";
import { TimmcError } from "../../ir/error.ts";
import type { Variant, VariantFields } from "./variant.ts";

/** One of several parts of a build, the first is 1. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** Seconds that lowering, passes and small files take, and that a million parameters do. */
const secondsOf = { variant: 0.4, kernels: 0.6, millionParams: 0.03 } as const;

/** Millions of parameters where nothing is published. */
const usualParams = 25;

/**
 * What a variant costs to compile in seconds of a usual machine, from what is known without a look at weights or at the Hub:
 * the same on every machine that has the configuration's folder.
 */
export function costOf({ fields }: Variant, folder: string): number {
  const { target = "onnx", weights = "pretrained" } = fields;
  const params = weights === "none" ? 0 : paramsOf(fields, folder);
  return secondsOf.variant + (target === "onnx" ? 0 : secondsOf.kernels) + params * secondsOf.millionParams;
}

/** Millions, as timm publishes them for the architecture. */
function paramsOf({ model }: VariantFields, folder: string): number {
  const reference = parseReference(model);
  if (reference.kind === "timm") return publishedParams(reference.architecture) ?? usualParams;
  if (reference.kind === "hf-hub") return usualParams;
  try {
    return publishedParams(readLocalDir(resolve(folder, reference.path)).architecture) ?? usualParams;
  } catch (error) {
    if (error instanceof TimmcError) return usualParams;
    throw error;
  }
}

/** Of any of an architecture's tags: they differ by their classifiers alone. */
function publishedParams(architecture: string): number | undefined {
  for (const tag of pretrainedTags(architecture)) {
    const params = benchmarks(modelName(architecture, tag))?.paramsM;
    if (typeof params === "number") return params;
  }
  return undefined;
}

/**
 * The variants of a shard, in their order. Shards are disjoint, hold every variant together, depend on the configuration
 * alone, and are balanced: the costliest variant that is left goes to the shard with the least to do.
 */
export function shardOf(variants: readonly Variant[], { index, of }: Shard, folder: string): Variant[] {
  const loads = Array.from({ length: of }, () => 0);
  const place = new Map<string, number>();
  const costs = variants.map((variant) => ({ name: variant.name, cost: costOf(variant, folder) }));
  for (const { name, cost } of costs.toSorted((a, b) => b.cost - a.cost || (a.name < b.name ? -1 : 1))) {
    const least = loads.indexOf(Math.min(...loads));
    loads[least] = (loads[least] ?? 0) + cost;
    place.set(name, least);
  }
  return variants.filter(({ name }) => place.get(name) === index - 1);
}

/** Reads `2/5`. Throws TimmcError `usage`. */
export function parseShard(text: string): Shard {
  const [, index, of] = (/^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []).map(Number);
  if (index !== undefined && of !== undefined && index >= 1 && index <= of) return { index, of };
  throw new TimmcError("usage", `--shard takes K/N, such as 1/4, and not ${JSON.stringify(text)}`, {
    hint: "K is from 1 to N.",
  });
}
