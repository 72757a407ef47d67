import { builderAt } from "../../../ir/builder.ts";
import { isStatic } from "../../../ir/dim.ts";
import { TimmcError } from "../../../ir/error.ts";
import type { Value } from "../../../ir/value.ts";
import { isResampling, resampled } from "../../../zoo/remap/resample.ts";
import type { Absent, Compute, Drop, FileKeys, Rename, Step, Strip, Target } from "../../../zoo/remap/remap.ts";
import type { Withheld } from "../adapt.ts";
import { shown } from "../file.ts";
import type { Entries, Entry, Resized } from "./entries.ts";

export interface Dropped {
  /** The file's keys. */
  readonly from: readonly string[];
  /** What they are, or the step that has no use for them. */
  readonly what: string;
}

/** What steps leave out, and what they leave without values. */
export interface Left {
  readonly dropped: Dropped[];
  readonly withheld: Withheld[];
}

/** Names of entries, as layouts and renames ask for them; most renames do not, so they are gathered when one does. */
export function keysOf(names: () => Iterable<string>): FileKeys {
  let all: ReadonlySet<string> | undefined;
  const gathered = (): ReadonlySet<string> => (all ??= new Set(names()));
  return { has: (key) => gathered().has(key), some: (pattern) => [...gathered()].some((key) => pattern.test(key)) };
}

/** One step over all entries; what it leaves is added to `left`. */
export function runStep(
  step: Step,
  entries: Entries,
  list: readonly Entry[],
  target: Target,
  left: Left,
): readonly Entry[] {
  switch (step.kind) {
    case "rename":
      return renamed(step, list);
    case "strip":
      return stripped(step, list, left.dropped);
    case "drop":
      return applies(step, target) ? withoutDropped(step, list, left.dropped) : list;
    case "compute":
      return applies(step, target) ? computed(step, entries, list, target) : list;
    case "absent":
      return completed(step, entries, list, target, left.withheld);
    default:
      return step satisfies never;
  }
}

const applies = ({ when }: Drop | Compute, target: Target): boolean => when === undefined || when(target);

function renamed({ from, to }: Rename, list: readonly Entry[]): Entry[] {
  const every = from.global ? from : new RegExp(from, `${from.flags}g`);
  if (typeof to === "string") return list.map((entry) => withName(entry, entry.name.replaceAll(every, to)));
  const file = keysOf(() => list.map((entry) => entry.name));
  return list.map((entry) =>
    withName(
      entry,
      entry.name.replaceAll(every, (...match: string[]) => to(match, file)),
    ),
  );
}

const withName = (entry: Entry, name: string): Entry => (name === entry.name ? entry : { ...entry, name });

function stripped({ prefix, others }: Strip, list: readonly Entry[], dropped: Dropped[]): Entry[] {
  return list.flatMap((entry) => {
    if (entry.name.startsWith(prefix)) return [withName(entry, entry.name.slice(prefix.length))];
    if (others === "stay") return [entry];
    dropped.push({ from: entry.from, what: `not under ${prefix}` });
    return [];
  });
}

function withoutDropped({ keys, what }: Drop, list: readonly Entry[], dropped: Dropped[]): Entry[] {
  return list.filter((entry) => {
    if (!keys.test(entry.name)) return true;
    dropped.push({ from: entry.from, what });
    return false;
  });
}

function completed(
  { name, reason, initial }: Absent,
  entries: Entries,
  list: readonly Entry[],
  target: Target,
  withheld: Withheld[],
): readonly Entry[] {
  const shape = target.shape(name);
  if (shape === undefined || list.some((entry) => entry.name === name)) return list;
  if (initial === undefined || !initial.when(target)) {
    const hint = "Ask for taps that do not need it, such as --taps features,forward_features.";
    withheld.push({ name, reason, hint, arg: null });
    return list;
  }
  const law = `not in the file: ${initial.value} throughout, as the model makes it`;
  const builder = builderAt({ graph: entries.graph, origin: { path: name, rules: [law] } });
  const value = builder.constant({ values: [initial.value], shape: [...shape] });
  return [...list, { name, from: [], steps: [law], value }];
}

function computed(step: Compute, entries: Entries, list: readonly Entry[], target: Target): Entry[] {
  const byName = new Map(list.map((entry) => [entry.name, entry]));
  const made = new Map<Entry, readonly Entry[]>();
  const consumed = new Set<Entry>();
  for (const entry of list) {
    const match = step.from.exec(entry.name);
    if (match === null) continue;
    const operands = [entry, ...step.with.map((name) => byName.get(expand(name, match)))];
    if (!operands.every((e) => e !== undefined && entries.isNumeric(e))) continue;
    const whole = operands.filter((e) => e !== undefined);
    made.set(entry, results(step, entries, whole, match, target));
    for (const operand of whole) consumed.add(operand);
  }
  return list.flatMap((entry) => made.get(entry) ?? (consumed.has(entry) ? [] : [entry]));
}

/** `$1` is the first group. */
const expand = (template: string, match: RegExpExecArray): string =>
  template.replace(/\$(\d)/g, (_, group: string) => match[Number(group)] ?? "");

function results(
  step: Compute,
  entries: Entries,
  operands: readonly Entry[],
  match: RegExpExecArray,
  target: Target,
): Entry[] {
  const [first = { name: "" }] = operands;
  const to = step.to.length === 0 ? [first.name] : step.to.map((name) => expand(name, match));
  const from = [...new Set(operands.flatMap((e) => e.from))];
  const steps = [...new Set(operands.flatMap((e) => e.steps))];
  const values = operands.map((e) => entries.valueOf(e));
  const builder = builderAt({ graph: entries.graph, origin: { path: to[0] ?? "", rules: [step.law] } });
  return attempt(step, first.name, () => step.make(builder, values, { target, to })).map((value, i): Entry => {
    const name = to[i] ?? first.name;
    const same = operands[values.indexOf(value)];
    if (same !== undefined) return withName(same, name);
    const resized = resizedBy(step, values[0], value) ?? operands.find((e) => e.resized !== undefined)?.resized;
    return { name, from, steps: [...steps, step.law], value, resized };
  });
}

function resizedBy({ law }: Compute, before: Value | undefined, { type }: Value): Resized | undefined {
  if (!isResampling(law) || before === undefined) return undefined;
  return { what: resampled(law), from: before.type.shape.filter(isStatic), to: type.shape.filter(isStatic) };
}

/** Shapes that no file of the layout has break the constraints of ops: the file is at fault, not the step. */
function attempt<T>(step: Compute, name: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof TimmcError)) throw error;
    throw new TimmcError("weights", `${shown(name)} cannot be mapped (${step.law}): ${error.message}`, {
      hint: "The file has the names of a layout but not its shapes: check that it is the model's.",
      cause: error,
    });
  }
}
