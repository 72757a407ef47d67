import { matchWeights } from "../frontend/weights/check.ts";
import type { PrefixFinding } from "../frontend/weights/diagnose/prefix.ts";
import { remapWeights, targetOf } from "../frontend/weights/remap/remap.ts";
import type { WeightSource } from "../frontend/weights/source.ts";
import type { ResolvedModel } from "../frontend/resolve.ts";
import { TimmcError } from "../ir/error.ts";
import type { LoweredModel } from "../zoo/lower.ts";
import { type FittedWeights, adaptNamed, nameWeights } from "./fit-weights.ts";

/** A file and the model that it is for. */
export interface Patient {
  readonly kind: "pretrained" | "file";
  readonly source: WeightSource;
  readonly resolved: ResolvedModel;
  readonly lowered: LoweredModel;
}

/** As far as a file could be fitted: from the impossible step on, it is taken as it is. */
export interface Attempt extends FittedWeights {
  readonly failure: TimmcError | undefined;
}

/** The same as `fitWeights`, without an end at the first impossible step. */
export function attemptFit({ kind, source, resolved, lowered }: Patient): Attempt {
  const [remapped, unnamed] = attempt(
    () => nameWeights(kind, source, resolved, lowered),
    () => remapWeights(source, { layouts: [], tail: [] }, targetOf([])),
  );
  const [fitted, unadapted] = attempt(
    () => adaptNamed(kind, remapped, resolved, lowered),
    (): FittedWeights => ({
      remapped,
      adapted: { source: remapped.source, changes: new Map(), withheld: [], strict: true },
      match: matchWeights(remapped.source, lowered.parameters),
      withheld: new Map(),
      lenient: false,
    }),
  );
  return { ...fitted, failure: unnamed ?? unadapted };
}

/** The result of the first body, or that of the second with the error of the first. */
function attempt<T>(first: () => T, second: () => T): readonly [T, TimmcError | undefined] {
  try {
    return [first(), undefined];
  } catch (error) {
    if (!(error instanceof TimmcError)) throw error;
    return [second(), error];
  }
}

/** How much of a model has no values. */
export const gaps = ({ match: { missing, mismatched } }: FittedWeights): number => missing.length + mismatched.length;

/** Entries that the model has no place for, where they are an error. */
export const leftOver = ({ match, lenient }: FittedWeights): number => (lenient ? 0 : match.unexpected.length);

/** A file under names with a prefix less or more; entries that do not have the prefix are left out. */
export function withoutPrefix(
  source: WeightSource,
  { change, prefix }: Pick<PrefixFinding, "change" | "prefix">,
): WeightSource {
  const keyOf = (name: string): string | undefined => {
    if (change === "off") return prefix + name;
    return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
  };
  const nameOf = (key: string): string[] => {
    if (change === "on") return [prefix + key];
    return key.startsWith(prefix) ? [key.slice(prefix.length)] : [];
  };
  return {
    ...source,
    keys: () => [...source.keys()].flatMap(nameOf),
    get: (name) => {
      const key = keyOf(name);
      return key === undefined ? undefined : source.get(key);
    },
    close: () => source.close(),
  };
}
