import { type Dim, isStatic } from "../../ir/dim.ts";
import type { TensorType } from "../../ir/type.ts";

/** What is wanted along one axis: everything, or the elements from the first number to before the second. */
export type Span = "all" | readonly [start: number, end: number];

/** A part of a tensor: a span per axis. */
export type Box = readonly Span[];

export const wholeBox = (type: TensorType): Box => type.shape.map(() => "all");

export const isWhole = (box: Box): boolean => box.every((span) => span === "all");

export const sameSpan = (a: Span, b: Span): boolean => a === b || (a[0] === b[0] && a[1] === b[1]);

/** The extent of a span of an axis. */
export const extentOf = (span: Span, extent: Dim): Dim => (span === "all" ? extent : span[1] - span[0]);

/** The smallest box that holds both, which are of one tensor. */
export const hull = (a: Box, b: Box): Box => a.map((span, axis) => hullOfSpans(span, b[axis] ?? "all"));

const hullOfSpans = (a: Span, b: Span): Span =>
  a === "all" || b === "all" ? "all" : [Math.min(a[0], b[0]), Math.max(a[1], b[1])];

/** The shape of a box of a tensor. */
export const boxShape = (shape: readonly Dim[], box: Box): Dim[] =>
  shape.map((extent, axis) => extentOf(box[axis] ?? "all", extent));

/**
 * A span that is worth computing alone: at most half of the extent. A symbolic extent is taken to be large, as the bounds
 * of a slice take it to be.
 */
export const worthwhile = (span: Span, extent: Dim): Span =>
  span !== "all" && (!isStatic(extent) || 2 * (span[1] - span[0]) <= extent) ? span : "all";

/** What a box of a broadcast result takes of an operand: what the operand repeats, it has whole. */
export const broadcastBox = (shape: readonly Dim[], box: Box): Box =>
  shape.map((extent, axis) => (extent === 1 ? "all" : (box[axis - shape.length + box.length] ?? "all")));
