import type { FormNode } from "./model.ts";
import { formFile, ints } from "./model.ts";
import { report } from "./race.ts";

const window = 7;
const shift = 3;

/** Batch, height and width of the map, and channels: the shifted stages of swin_tiny. */
const sizes = [
  [1, 56, 96],
  [1, 28, 192],
  [1, 14, 384],
  [4, 28, 192],
] as const;

/**
 * The cut into shifted windows: as two rolls and a partition, and as one gather of rows; without the shift, as a transpose
 * and as a gather. Rows are copied as memory, so that a gather is worth two rolls but not a single transpose.
 */
export async function run(): Promise<void> {
  for (const [batch, side, width] of sizes) {
    const grid = side / window;
    const constants = {
      zero: ints(0),
      one: ints(1),
      two: ints(2),
      shift: ints(shift),
      end: ints(side),
      rows: ints(0, side * side, width),
      cells: ints(0, grid, window, grid, window, width),
      windows: ints(-1, window * window, width),
      shifted: ints(...sources(side, shift)),
      still: ints(...sources(side, 0)),
    };
    const form = (nodes: readonly FormNode[]): Uint8Array =>
      formFile({ inputs: { x: [batch, side, side, width] }, constants, nodes, rank: 3 });
    const options = { inputs: { x: [batch, side, side, width] } };
    const title = `windows of [${batch}, ${side}, ${side}, ${width}]`;
    await report(
      `shifted ${title}`,
      {
        "two rolls and a transpose": form([...roll("x", "r1", "one"), ...roll("r1", "r2", "two"), ...partition("r2")]),
        "gather of rows": form(gather("shifted")),
      },
      options,
    );
    await report(title, { transpose: form(partition("x")), "gather of rows": form(gather("still")) }, options);
  }
}

/** For each row of the windows, in order, its row of the map. */
function sources(side: number, by: number): number[] {
  const along = Array.from({ length: side }, (_, i) => i);
  const starts = along.filter((i) => i % window === 0);
  const inside = along.slice(0, window);
  return starts.flatMap((top) =>
    starts.flatMap((left) =>
      inside.flatMap((i) => inside.map((j) => ((top + i + by) % side) * side + ((left + j + by) % side))),
    ),
  );
}

const roll = (from: string, to: string, axis: "one" | "two"): FormNode[] => [
  ["Slice", [from, "shift", "end", axis], `${to}a`],
  ["Slice", [from, "zero", "shift", axis], `${to}b`],
  ["Concat", [`${to}a`, `${to}b`], to, { axis: axis === "one" ? 1 : 2 }],
];

const partition = (from: string): FormNode[] => [
  ["Reshape", [from, "cells"], "c"],
  ["Transpose", ["c"], "t", { perm: [0, 1, 3, 2, 4, 5] }],
  ["Reshape", ["t", "windows"], "y"],
];

const gather = (indices: string): FormNode[] => [
  ["Reshape", ["x", "rows"], "r"],
  ["Gather", ["r", indices], "g", { axis: 1 }],
  ["Reshape", ["g", "windows"], "y"],
];
