import { printableLine } from "../frontend/printable.ts";

/** A column of a table for people. */
export interface Column {
  readonly title: string;
  /** Numbers go to the right. */
  readonly align?: "left" | "right";
}

/**
 * Aligned lines, the titles first, two blanks between columns; never wraps, nothing behind the last character. Cells may
 * be text from outside: they are escaped, so none is coloured.
 */
export function table(columns: readonly Column[], cells: readonly (readonly string[])[]): string[] {
  const rows = cells.map((row) => row.map(printableLine));
  const widths = columns.map(({ title }, i) => rows.reduce((w, row) => Math.max(w, row[i]?.length ?? 0), title.length));
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align = "left" }, i) => {
        const [cell, width] = [cells[i] ?? "", widths[i] ?? 0];
        return align === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [line(columns.map((c) => c.title)), ...rows.map(line)];
}

/** `NAME  value` lines with the values under each other; values are escaped. */
export function facts(entries: readonly (readonly [name: string, value: string])[]): string[] {
  const width = entries.reduce((w, [name]) => Math.max(w, name.length), 0);
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${printableLine(value)}`.trimEnd());
}

/** A text in lines of at most `width` characters, broken at blanks; what has none stays whole. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && longer.length > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
