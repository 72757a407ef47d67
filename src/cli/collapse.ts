import { rangeText } from "../frontend/weights/diagnose/template.ts";

/** A text without its numbers: equal for texts that `collapsed` can make one of. */
export const skeleton = (text: string): string => text.replaceAll(/\d+/g, "#");

/** Texts of one skeleton as one, with the numbers that differ in braces: `blocks.{0..11}.attn.qkv.weight`. */
export function collapsed(texts: readonly string[]): string {
  const [first = ""] = texts;
  const places = texts.map((text) => text.match(/\d+/g) ?? []);
  let place = 0;
  return first.replaceAll(/\d+/g, (number) => {
    const values = new Set(places.map((p) => p[place] ?? ""));
    place++;
    return values.size === 1 ? number : `{${rangeText([...values].map(Number).sort((a, b) => a - b))}}`;
  });
}

/** Cells of a line, and how many things it stands for. */
export interface Row {
  readonly cells: readonly string[];
  readonly count: number;
}

/** Rows whose cells differ in numbers alone become one row; in the order of the first. */
export function collapseRows(rows: readonly Row[]): Row[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = row.cells.map(skeleton).join("\n");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups.values()].map((group) => ({
    count: group.reduce((n, row) => n + row.count, 0),
    cells: (group[0]?.cells ?? []).map((_, i) => collapsed(group.map((row) => row.cells[i] ?? ""))),
  }));
}
