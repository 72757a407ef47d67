import { entriesOf } from "../frontend/weights/check.ts";
import { shown } from "../frontend/weights/file.ts";
import type { Resized } from "../frontend/weights/remap/entries.ts";
import type { Remapped } from "../frontend/weights/remap/remap.ts";
import type { StoredDType, WeightSource } from "../frontend/weights/source.ts";
import { isFloat } from "../ir/dtype.ts";
import type { LoweredModel } from "../zoo/lower.ts";
import type { FileKind, FittedWeights } from "./fit-weights.ts";

/** What the user should know of the test recipe. */
export const syntheticNotice = "the weights are synthetic: outputs mean nothing";

/** What the user should know of a file that loads, one line for each kind of thing. Names and shapes alone decide. */
export const weightNotices = (
  kind: FileKind,
  source: WeightSource,
  fitted: FittedWeights,
  lowered: LoweredModel,
): string[] => [
  ...layoutNotice(source, fitted.remapped),
  ...fileNotices(kind, source, fitted, lowered),
  ...resizedNotices(source, fitted),
  ...changeNotices(source, fitted),
  ...unusedNotice(source, fitted),
];

/** What of this is told by the file itself, whether it loads or not. */
export const fileNotices = (
  kind: FileKind,
  source: WeightSource,
  { remapped }: FittedWeights,
  lowered: LoweredModel,
): string[] => [...cautionsOf(kind, remapped), ...integerNotice(source, remapped, lowered)];

/** What the names of a file leave open that the user chose himself; pretrained weights are their model's. */
const cautionsOf = (kind: FileKind, { source, caution }: Remapped): string[] =>
  kind === "pretrained" || caution === undefined ? [] : [`${source.label}: ${caution}`];

function layoutNotice({ label }: WeightSource, { layout }: Remapped): string[] {
  if (layout === undefined) return [];
  const whose = layout.own ? "a mapping of timmc's own, which timm has not" : "as timm does";
  return [`${label} has the names of ${layout.name}: they are mapped to timm's (${whose}); timmc doctor shows how`];
}

const isInteger = (dtype: StoredDType): boolean => /^(?:[iu]\d+|bool)$/.test(dtype);

/** Parameters are floats: whole numbers are loaded, as timm does, and are hardly weights without their scales. */
function integerNotice(source: WeightSource, { entries }: Remapped, { parameters }: LoweredModel): string[] {
  const floats = new Set(parameters.flatMap((p) => (isFloat(p.dtype) ? [p.name] : [])));
  const keys = new Set(entries.flatMap(({ name, from }) => (floats.has(name) ? from : [])));
  const stored = [...keys].flatMap((key) => {
    const dtype = source.get(key)?.dtype;
    return dtype !== undefined && isInteger(dtype) ? [`${shown(key)} (${dtype})`] : [];
  });
  const [first] = stored;
  if (first === undefined) return [];
  const what = stored.length === 1 ? "1 tensor is" : `${stored.length} tensors are`;
  const such = stored.length === 1 ? first : `such as ${first}`;
  return [`${source.label}: ${what} stored as integers, ${such}: are these quantised weights?`];
}

/** Pairs of extents of one kind that a notice names. */
const maxPairs = 3;

function resizedNotices({ label }: WeightSource, { remapped }: FittedWeights): string[] {
  const pairs = new Map<string, Set<string>>();
  for (const { resized } of remapped.entries) {
    if (resized === undefined) continue;
    const known = pairs.get(resized.what) ?? new Set();
    pairs.set(resized.what, known.add(extentsText(resized)));
  }
  return [...pairs].map(([what, all]) => {
    const named = [...all].slice(0, maxPairs).join(", ");
    return `${label}: ${what} are resampled, ${named}${all.size > maxPairs ? " and more" : ""}`;
  });
}

/** `14x14 -> 16x16`. */
function extentsText({ from, to }: Resized): string {
  const [a, b] = [gridOf(from), gridOf(to)];
  return a === undefined || b === undefined || a.extra !== b.extra
    ? `[${from.join(",")}] -> [${to.join(",")}]`
    : `${a.text} -> ${b.text}`;
}

interface Grid {
  readonly text: string;
  /** Positions beside the grid: those of a class token. */
  readonly extra: number;
}

/**
 * The extents that a tensor has by its form: kernels [O, I, h, w], tables by head [heads, h, w], positions [1, n, C] and
 * tables by row [n, heads], whose n are a square and some more; undefined where there is no such square.
 */
function gridOf(shape: readonly number[]): Grid | undefined {
  const isRows = shape.length === 2 || (shape.length === 3 && shape[0] === 1);
  if (!isRows) return { text: shape.slice(-2).join("x"), extra: 0 };
  const n = shape.at(-2) ?? 0;
  const side = Math.floor(Math.sqrt(n));
  return side === 0 ? undefined : { text: `${side}x${side}`, extra: n - side * side };
}

function changeNotices({ label }: WeightSource, { adapted }: FittedWeights): string[] {
  const names = new Map<string, string[]>();
  for (const [name, change] of adapted.changes) names.set(change, [...(names.get(change) ?? []), name]);
  return [...names].map(([change, all]) => `${label}: ${all.join(", ")}: ${change}`);
}

function unusedNotice({ label }: WeightSource, { match: { unexpected } }: FittedWeights): string[] {
  const [first] = unexpected;
  if (first === undefined) return [];
  return [`${label} holds ${entriesOf(unexpected.length)} that the model does not read, such as ${shown(first)}`];
}
