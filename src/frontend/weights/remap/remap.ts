import { encodeNumbers } from "../../../ir/bytes.ts";
import { TimmcError, within } from "../../../ir/error.ts";
import { type Environment, evaluateWeight } from "../../../ir/interpret.ts";
import { ndarray } from "../../../ir/ndarray.ts";
import { isStaticType } from "../../../ir/type.ts";
import type { Value } from "../../../ir/value.ts";
import type { Remap, Target } from "../../../zoo/remap/remap.ts";
import { toNumbers } from "../load.ts";
import type { TensorData, WeightSource } from "../source.ts";
import { Entries, type Entry } from "./entries.ts";
import { type Dropped, keysOf, runStep } from "./run-step.ts";

/** A file under the model's names. */
export interface Remapped {
  readonly source: WeightSource;
  /** What the file was recognised as; undefined where it has timm's names already. */
  readonly layout: { readonly name: string; readonly own: boolean } | undefined;
  /** In the order of the file. */
  readonly entries: readonly Entry[];
  readonly dropped: readonly Dropped[];
}

/**
 * Renames and rebuilds a file's entries as the model's family says. Shapes alone are looked at: numbers are computed
 * entry by entry when they are read, in float64, and rounded once. Throws `weights` where two entries get one name, or
 * where an entry does not have the shape that the layout gives it.
 */
export function remapWeights(source: WeightSource, remap: Remap, target: Target): Remapped {
  const entries = new Entries(source);
  const file = keysOf(source.keys());
  const layout = remap.layouts.find((l) => l.when(file));
  const dropped: Dropped[] = [];
  const steps = [...(layout?.steps ?? []), ...remap.tail];
  const list = within(source.label, () =>
    steps.reduce<readonly Entry[]>((current, step) => runStep(step, entries, current, target, dropped), entries.all()),
  );
  const byName = new Map<string, Entry>();
  for (const entry of list) {
    const twin = byName.get(entry.name);
    if (twin !== undefined) throw sameName(source, entry, twin);
    byName.set(entry.name, entry);
  }
  return {
    source: {
      ...source,
      keys: () => byName.keys(),
      get: (name) => {
        const entry = byName.get(name);
        if (entry === undefined) return undefined;
        return entry.value === undefined ? entries.stored(entry) : dataOf(entry.value, source);
      },
      close: () => source.close(),
    },
    layout: layout === undefined ? undefined : { name: layout.name, own: layout.own === true },
    entries: list,
    dropped,
  };
}

/** An expression as a tensor that is computed when it is read. */
function dataOf(value: Value, source: WeightSource): TensorData {
  const { type } = value;
  if (!isStaticType(type)) throw new TimmcError("invalid-ir", `the entry ${value.name} has symbols in its shape`);
  const environment: Environment = {
    symbols: {},
    param: (key, wanted) => {
      const data = source.get(key);
      if (data === undefined) throw new TimmcError("weights", "it is gone from the file", { trail: [key] });
      return ndarray("f32", wanted.shape, toNumbers(data));
    },
    input: (name) => {
      throw new TimmcError("invalid-ir", `a checkpoint has no input ${name}`);
    },
  };
  return {
    dtype: type.dtype,
    shape: type.shape,
    read: () => encodeNumbers(type.dtype, evaluateWeight(value, environment).data),
  };
}

const sameName = (source: WeightSource, a: Entry, b: Entry): TimmcError =>
  new TimmcError("weights", `two entries become ${a.name}: ${b.from.join(", ")} and ${a.from.join(", ")}`, {
    trail: [source.label],
    hint: "Save the one that is meant alone.",
  });
