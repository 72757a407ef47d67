import { TimmcError } from "../../../ir/error.ts";
import type { Family } from "../../../zoo/family.ts";
import { lowerArchitecture } from "../../../zoo/lower.ts";
import { isResampling } from "../../../zoo/remap/resample.ts";
import { nearNames } from "../../suggest.ts";
import { resolve } from "../../resolve.ts";
import { matchWeights } from "../check.ts";
import { remapWeights, targetOf } from "../remap/remap.ts";
import type { WeightSource } from "../source.ts";

/** Architectures of a family that are tried; each takes some milliseconds to lower. */
const maxSiblings = 300;
/** Larger files are of no family: each architecture would rename them anew. */
const maxSiblingEntries = 5000;
/** As many are named. */
const named = 3;

/** Other architectures of the family whose parameters a file has, in names and shapes. */
export interface SiblingMatch {
  /** The nearest in name first. */
  readonly architectures: readonly string[];
  /** How many more there are of those that were tried. */
  readonly more: number;
  /** Entries of the file that they do not read. */
  readonly unused: number;
  /** Arguments that they need beside: `num_classes=10`. */
  readonly args: readonly string[];
}

/** A file under the names that its own layout, or a prefix, gives it; and what its classifier and stem say. */
interface SiblingQuery {
  readonly source: WeightSource;
  readonly family: Family;
  readonly architecture: string;
  /** `num_classes` and `in_chans`, read off the file. */
  readonly args: Readonly<Record<string, number>>;
  /** An architecture that leaves as many entries unused is no answer. */
  readonly unused: number;
  readonly progress?: ((text: string) => void) | undefined;
}

/** How well a file fits that fits entirely. */
interface Fit {
  readonly unused: number;
  /** Parameters that fit by resampling alone, such as positions of another image size. */
  readonly resized: number;
}

/**
 * Lowers the other architectures of the family one by one, the nearest in name first, and compares them with the file, up
 * to the first that it fits exactly. Reads no numbers.
 */
export async function findSiblings(query: SiblingQuery): Promise<SiblingMatch | undefined> {
  const { family, architecture, args, progress } = query;
  if ([...query.source.keys()].length > maxSiblingEntries) return undefined;
  const names = Object.keys(family.variants)
    .filter((name) => name !== architecture)
    .slice(0, maxSiblings);
  const near = nearNames(architecture, names, names.length);
  const sorted = [...near, ...names.filter((name) => !near.includes(name))];
  const fitting: (Fit & { readonly name: string })[] = [];
  for (const [i, name] of sorted.entries()) {
    progress?.(`comparing with ${name} (${i + 1} of ${sorted.length} architectures)`);
    const fit = await fitOf(query, name);
    if (fit !== undefined && fit.unused < query.unused) fitting.push({ ...fit, name });
    if (fit?.unused === 0 && fit.resized === 0) break;
  }
  const [first] = fitting.toSorted((a, b) => a.unused - b.unused || a.resized - b.resized);
  if (first === undefined) return undefined;
  const best = fitting.filter((f) => f.unused === first.unused && f.resized === first.resized).map((f) => f.name);
  return {
    architectures: best.slice(0, named),
    more: Math.max(0, best.length - named),
    unused: first.unused,
    args: await argumentsBeside(first.name, args),
  };
}

/** Those of the arguments that an architecture does not have by itself. */
async function argumentsBeside(model: string, args: SiblingQuery["args"]): Promise<string[]> {
  const { numClasses, inputSize } = await resolve({ model });
  const own: Readonly<Record<string, number>> = { num_classes: numClasses, in_chans: inputSize[0] };
  return Object.entries(args).flatMap(([key, value]) => (own[key] === value ? [] : [`${key}=${value}`]));
}

/** Undefined where an architecture has a parameter that the file does not fill, or does not take the arguments. */
async function fitOf({ source, args }: SiblingQuery, name: string): Promise<Fit | undefined> {
  try {
    const { family, args: given, inputSize } = await resolve({ model: name, args });
    const { parameters } = lowerArchitecture(family, name, given, inputSize);
    const remapped = remapWeights(source, family.remap(name, given), targetOf(parameters));
    const { missing, mismatched, unexpected } = matchWeights(remapped.source, parameters);
    if (missing.length + mismatched.length > 0) return undefined;
    const resized = remapped.entries.filter((entry) => entry.steps.some(isResampling));
    return { unused: unexpected.length, resized: resized.length };
  } catch (error) {
    if (error instanceof TimmcError) return undefined;
    throw error;
  }
}
