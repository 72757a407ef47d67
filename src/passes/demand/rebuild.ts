import type { AttrValue } from "../../ir/attr.ts";
import { isStatic } from "../../ir/dim.ts";
import type { Graph } from "../../ir/graph.ts";
import type { OpName } from "../../ir/ops/index.ts";
import { sameType, tensor } from "../../ir/type.ts";
import { type Value, is } from "../../ir/value.ts";
import { type Box, boxShape, isWhole, sameSpan, wholeBox } from "./box.ts";
import { narrowed } from "./origin.ts";
import { operandBoxes, transferOf } from "./transfer.ts";

/** A value that holds a box of another one. */
interface Made {
  readonly value: Value;
  readonly box: Box;
}

/** Where a box of a plain slice lies in what it slices. */
function behindSlice(value: Value, box: Box): Made | undefined {
  const [x] = value.operands;
  if (x === undefined || !is(value, "slice") || value.attrs.step !== 1 || !value.attrs.range.every(isStatic))
    return undefined;
  const part = operandBoxes(value, box)[0];
  return part === undefined ? undefined : { value: x, box: part };
}

/** Ops of one operand that is their result where the types agree. */
const copies: ReadonlySet<OpName> = new Set(["concat", "expand", "reshape", "slice"]);

/**
 * Makes every value anew whose box is smaller than the value, and what reads such values, in order. The old values stay
 * where nothing else erases them. Answers how many were made anew.
 */
export function rebuild(graph: Graph, boxes: ReadonlyMap<Value, Box>): number {
  const made = new Map<Value, Made>();
  const cuts = new Map<Value, Map<string, Value>>();

  /** A box of an operand, from the box that is there. Equal slices are made once: several users read one. */
  const cut = (x: Value, box: Box, before: Value): Value => {
    const sliced = made.has(x) || isWhole(box) ? undefined : behindSlice(x, box);
    if (sliced !== undefined) return cut(sliced.value, sliced.box, before);
    const there = made.get(x) ?? { value: x, box: wholeBox(x.type) };
    return box.reduce<Value>((value, span, axis) => {
      const held = there.box[axis] ?? "all";
      if (span === "all" || sameSpan(span, held)) return value;
      const start = held === "all" ? 0 : held[0];
      const range = [span[0] - start, span[1] - start];
      if (range[0] === 0 && range[1] === value.type.shape[axis]) return value;
      const known = cuts.get(value) ?? new Map<string, Value>();
      const key = [axis, ...range].join();
      const slice = known.get(key) ?? graph.insert("slice", [value], { axis, range }, narrowed(value), before);
      cuts.set(value, known.set(key, slice));
      return slice;
    }, there.value);
  };

  for (const value of graph.values()) {
    const box = boxes.get(value);
    const reads = value.operands.some((x) => x !== undefined && made.has(x));
    // A slice of a value that stays whole stays as well: another order of the same slices is no gain.
    if (box === undefined || (!reads && (isWhole(box) || is(value, "slice")))) continue;
    const parts = operandBoxes(value, box);
    const operands = value.operands.flatMap((x, i) => {
      const part = parts[i];
      if (x === undefined) return [undefined];
      return part === undefined ? [] : [cut(x, part, value)];
    });
    const attrs: Readonly<Record<string, AttrValue>> = transferOf(value.op)?.attrs?.(value, box) ?? value.attrs;
    const type = tensor(value.type.dtype, boxShape(value.type.shape, box));
    const [only] = operands;
    const copy = copies.has(value.op) && operands.length === 1 && only !== undefined && sameType(only.type, type);
    const by = copy ? only : graph.insert(value.op, operands, attrs, narrowed(value), value);
    if (isWhole(box)) graph.replaceUses(value, by);
    else made.set(value, { value: by, box });
  }
  return made.size;
}
