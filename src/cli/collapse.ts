/** A group of lines is as many values of one number at most, before the middle ones are left out. */
const maxValues = 6;

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

function rangeText(values: readonly number[]): string {
  const [first = 0, last = first] = [values[0], values.at(-1)];
  const isRun = values.length > 2 && last - first === values.length - 1;
  return isRun || values.length > maxValues ? `${first}..${last}` : values.join(",");
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
