import { isStatic } from "../../../ir/dim.ts";
import { TimmcError, within } from "../../../ir/error.ts";
import { type Environment, evaluateWeight } from "../../../ir/interpret.ts";
import { type NdArray, ndarray } from "../../../ir/ndarray.ts";
import { isStaticType } from "../../../ir/type.ts";
import { type Value, is } from "../../../ir/value.ts";
import type { Remap, Target } from "../../../zoo/remap/remap.ts";
import type { Withheld } from "../adapt.ts";
import { shown } from "../file.ts";
import { type FloatStored, encodeStored, toNumbers } from "../load.ts";
import { type TensorData, type TensorSpec, type WeightSource, rowsOf } from "../source.ts";
import { Entries, type Entry } from "./entries.ts";
import { type Dropped, type Left, keysOf, runStep } from "./run-step.ts";

/** A file under the model's names. */
export interface Remapped {
  readonly source: WeightSource;
  /** What the file was recognised as; undefined where it has timm's names already. */
  readonly layout: { readonly name: string; readonly own: boolean } | undefined;
  /** What the names leave open; the sentence of the layout. */
  readonly caution: string | undefined;
  /** In the order of the file. */
  readonly entries: readonly Entry[];
  readonly dropped: readonly Dropped[];
  /** Parameters that files of this layout do not have. */
  readonly withheld: readonly Withheld[];
}

/**
 * Renames and rebuilds a file's entries as the model's family says. Shapes alone are looked at: numbers are computed
 * entry by entry when they are read, in float64, and rounded once to the type that they are stored in. Throws `weights`
 * where two entries get one name, or where an entry does not have the shape that the layout gives it.
 */
export function remapWeights(source: WeightSource, remap: Remap, target: Target): Remapped {
  const entries = new Entries(source);
  const file = keysOf(() => source.keys());
  const layout = remap.layouts.find((l) => l.when(file));
  const left: Left = { dropped: [], withheld: [] };
  const steps = [...(layout?.steps ?? []), ...remap.tail];
  const list = within(source.label, () =>
    steps.reduce<readonly Entry[]>((current, step) => runStep(step, entries, current, target, left), entries.all()),
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
        return entry.value === undefined ? entries.stored(entry) : dataOf(entry.value, entries.dtypeOf(entry), source);
      },
      close: () => source.close(),
    },
    layout: layout === undefined ? undefined : { name: layout.name, own: layout.own === true },
    caution: layout?.caution,
    entries: list,
    ...left,
  };
}

/** A model of these parameters. `tag` is that of its pretrained weights, where they are loaded. */
export function targetOf(parameters: Iterable<TensorSpec>, tag?: string): Target {
  const shapes = new Map<string, readonly number[]>();
  for (const { name, shape } of parameters) shapes.set(name, shape);
  return { tag, has: (name) => shapes.has(name), shape: (name) => shapes.get(name) };
}

/** An expression as a tensor that is computed when it is read. */
function dataOf(value: Value, dtype: FloatStored, source: WeightSource): TensorData {
  const { type } = value;
  if (!isStaticType(type)) throw new TimmcError("invalid-ir", `the entry ${value.name} has symbols in its shape`);
  const stored = (key: string): TensorData => {
    const data = source.get(key);
    if (data === undefined) throw new TimmcError("weights", "it is gone from the file", { trail: [shown(key)] });
    return data;
  };
  const numbersOf = (data: TensorData): NdArray => ndarray("f32", data.shape, toNumbers(data));
  const environment: Environment = {
    symbols: {},
    param: (key) => numbersOf(stored(key)),
    input: (name) => {
      throw new TimmcError("invalid-ir", `a checkpoint has no input ${name}`);
    },
  };
  const known = (v: Value): NdArray | undefined => {
    const rows = storedRows(v);
    return rows && numbersOf(rowsOf(stored(rows.key), rows.begin, rows.end));
  };
  return {
    dtype,
    shape: type.shape,
    read: () => encodeStored(dtype, evaluateWeight(value, environment, known).data),
  };
}

/** Where a value is some rows of a stored tensor: of a stack of blocks, each reads its own. */
function storedRows(v: Value): { readonly key: string; readonly begin: number; readonly end: number } | undefined {
  if (!is(v, "slice") || v.attrs.axis !== 0 || v.attrs.step !== 1) return undefined;
  const [stored] = v.operands;
  const [begin, end] = v.attrs.range;
  if (stored === undefined || !is(stored, "param") || begin === undefined || end === undefined) return undefined;
  return isStatic(begin) && isStatic(end) ? { key: stored.attrs.key, begin, end } : undefined;
}

const keys = ({ from }: Entry): string => from.map(shown).join(", ");

const sameName = (source: WeightSource, a: Entry, b: Entry): TimmcError =>
  new TimmcError("weights", `two entries become ${shown(a.name)}: ${keys(b)} and ${keys(a)}`, {
    trail: [source.label],
    hint: "Save the one that is meant alone.",
  });
