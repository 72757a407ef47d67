// What the table of kernels is sorted by, and how a tensor of the arena is told.

import { bytesText } from "./units.js";

/** @typedef {import("../../kernel-facts.ts").KernelStep} KernelStep */
/** @typedef {import("../../kernel-facts.ts").ArenaTensor} ArenaTensor */

/** @type {Readonly<Record<string, (step: KernelStep) => number | string>>} */
export const sortKeys = {
  step: (s) => s.step,
  name: (s) => s.name,
  computes: (s) => s.computes.join(" + "),
  grid: (s) => s.grid.reduce((n, d) => n * d, 1),
  threads: (s) => s.threads,
  read: (s) => s.bytes_read,
  weights: (s) => s.weight_bytes,
  written: (s) => s.bytes_written,
  flops: (s) => s.flops,
  intensity: (s) => s.flops / Math.max(1, s.bytes_read + s.weight_bytes + s.bytes_written),
  shared: (s) => s.workgroup_bytes,
  bindings: (s) => s.bindings.length,
};

/** In the order of the columns. */
export const columnKeys = Object.keys(sortKeys);

/**
 * A tensor of the arena in one line.
 *
 * @param {ArenaTensor} tensor
 * @param {number} steps
 */
export function tensorText({ name, kind, bytes, offset, from, to, output }, steps) {
  const begin = from < 0 ? "from the start" : `from step ${from}`;
  const end = to >= steps ? "to the end" : `to step ${to}`;
  const role = kind === "input" ? "the input" : output ? "an output" : kind;
  return `${name}: ${bytesText(bytes)} at ${bytesText(offset)}, ${begin} ${end}, ${role}`;
}
