import { type Value, is } from "../../ir/value.ts";
import { isMovement, isPoint } from "./ops/point.ts";
import type { Regions } from "./region.ts";
import { launch, mostRead, operationsPerByte, readsPerElement } from "./cost.ts";
import { type Uses, isRoot, lengthOf } from "./uses.ts";

/** A place in a concatenation: from this coordinate of its axis on. */
export interface Slice {
  readonly whole: Value;
  readonly axis: number;
  readonly from: number;
}

/**
 * Concatenations that are stored, and what is stored in them: operands whose kernels write there at once, and other concatenations
 * of some of the same operands in a row, which are stored with them. What is left of the operands is copied.
 */
export interface Claims {
  readonly wholes: ReadonlySet<Value>;
  readonly parts: ReadonlyMap<Value, Slice>;
  readonly aliases: ReadonlyMap<Value, Slice>;
  /** Operands of wholes, by their numbers, that are copied. */
  readonly copied: ReadonlyMap<Value, readonly number[]>;
}

/** Larger concatenations choose first. An operand that is an output stays apart, since outputs have no gaps. */
export function claimsOf(values: readonly Value[], uses: Uses, regions: Regions): Claims {
  const wholes = new Set<Value>();
  const parts = new Map<Value, Slice>();
  const aliases = new Map<Value, Slice>();
  const copied = new Map<Value, readonly number[]>();
  const concats = values
    .filter((v) => v.op === "concat")
    .toReversed()
    .sort((a, b) => lengthOf(b) - lengthOf(a));
  for (const value of concats) {
    const slice = [...wholes].map((whole) => sliceOf(value, whole, copied)).find((s) => s !== undefined);
    if (slice !== undefined && !uses.outputs.has(value)) {
      aliases.set(value, slice);
      continue;
    }
    const seen = new Set<Value>();
    const placed = value.operands.map((x) => {
      const free = x !== undefined && !seen.has(x) && isPlaceable(x, uses, regions) && !parts.has(x);
      if (free) seen.add(x);
      return free;
    });
    if (!paysOff(value, placed, uses)) continue;
    wholes.add(value);
    let from = 0;
    const { axis } = value.attrs as { axis: number };
    value.operands.forEach((x, i) => {
      if (x !== undefined && placed[i]) parts.set(x, { whole: value, axis, from });
      from += x?.type.shape[axis] as number;
    });
    copied.set(
      value,
      placed.flatMap((p, i) => (p ? [] : [i])),
    );
  }
  return { wholes, parts, aliases, copied };
}

/** Whether a kernel stores the value and could store it anywhere. */
function isPlaceable(value: Value, { outputs }: Uses, { rootOf }: Regions): boolean {
  if (value.isWeight || value.op === "input" || outputs.has(value) || value.type.dtype !== "f32") return false;
  return isRoot(value) || rootOf.has(value) || (isPoint(value) && !isMovement(value));
}

/** Whether copying what is not placed costs less than choosing among the operands at every read, or than copying all of them. */
function paysOff(value: Value, placed: readonly boolean[], uses: Uses): boolean {
  const copies = value.operands.filter((_, i) => !placed[i]);
  if (copies.length === 0 || value.operands.length > mostRead) return true;
  const reads = (uses.users.get(value) ?? []).reduce(
    (n, user) => n + (isRoot(user) ? readsPerElement(user, user.operands.indexOf(value)) : 1),
    0,
  );
  const choosing = (2 * reads * value.operands.length * lengthOf(value)) / operationsPerByte;
  const copying = 8 * lengthOf(value) + launch;
  const cost = copies.reduce((sum, x) => sum + (x === undefined ? 0 : 8 * lengthOf(x)) + launch, 0);
  return cost < (uses.outputs.has(value) ? copying : Math.min(choosing, copying));
}

/** Where a concatenation lies in another one that has the same operands in a row, each written there at once. */
function sliceOf(value: Value, whole: Value, copied: Claims["copied"]): Slice | undefined {
  if (!is(value, "concat") || !is(whole, "concat") || value.attrs.axis !== whole.attrs.axis) return undefined;
  const { axis } = whole.attrs;
  const first = whole.operands.indexOf(value.operands[0]);
  const alike = first >= 0 && value.operands.every((x, i) => whole.operands[first + i] === x);
  if (!alike || value.operands.some((_, i) => copied.get(whole)?.includes(first + i))) return undefined;
  const from = whole.operands.slice(0, first).reduce((n, x) => n + (x?.type.shape[axis] as number), 0);
  return { whole, axis, from };
}
