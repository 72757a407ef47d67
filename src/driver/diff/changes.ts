import { type Difference, differencesBetween } from "../verify-difference.ts";
import type { Changes, FieldChange } from "./report.ts";

/** What two JSON values differ in; lists whole. */
export const fieldChanges = (a: unknown, b: unknown, field = ""): FieldChange[] =>
  differencesBetween(a, b, field, { wholeLists: true }).map(changeOf);

const changeOf = ({ field, recorded, given }: Difference): FieldChange => ({ field, a: recorded, b: given });

/** Things by their names; what has a name that was there before gets `#2` and so on behind it. */
export function byName<T>(things: readonly T[], nameOf: (thing: T) => string): Map<string, T> {
  const seen = new Map<string, number>();
  return new Map(
    things.map((thing) => {
      const name = nameOf(thing);
      const count = (seen.get(name) ?? 0) + 1;
      seen.set(name, count);
      return [count === 1 ? name : `${name}#${count}`, thing] as const;
    }),
  );
}

interface Matched<T> {
  readonly removed: readonly (readonly [name: string, thing: T])[];
  readonly added: readonly (readonly [name: string, thing: T])[];
  readonly common: readonly (readonly [name: string, a: T, b: T])[];
  readonly reordered: boolean;
}

/** Things of two sides under their names. */
export function matched<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): Matched<T> {
  const common = [...a].flatMap(([name, thing]) => {
    const other = b.get(name);
    return other === undefined ? [] : [[name, thing, other] as const];
  });
  const order = [...b.keys()].filter((name) => a.has(name));
  return {
    removed: [...a].filter(([name]) => !b.has(name)),
    added: [...b].filter(([name]) => !a.has(name)),
    common,
    reordered: common.some(([name], i) => order[i] !== name),
  };
}

/** Compares what both sides have; `change` gives undefined for what is the same. */
export function changesOf<T, Thing, Change>(
  a: ReadonlyMap<string, T>,
  b: ReadonlyMap<string, T>,
  facts: (name: string, thing: T) => Thing,
  change: (name: string, a: T, b: T) => Change | undefined,
): Changes<Thing, Change> {
  const { removed, added, common, reordered } = matched(a, b);
  const changed = common.flatMap(([name, one, other]) => change(name, one, other) ?? []);
  return {
    removed: removed.map(([name, thing]) => facts(name, thing)),
    added: added.map(([name, thing]) => facts(name, thing)),
    changed,
    equal: common.length - changed.length,
    reordered,
  };
}

export const isUnchanged = ({ removed, added, changed, reordered }: Changes<unknown, unknown>): boolean =>
  removed.length + added.length + changed.length === 0 && !reordered;
