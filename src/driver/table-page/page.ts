import { attribute, escapeHtml } from "../html.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";

/** A column of a page's table; the first names the rows. */
export interface PageColumn<Row> {
  /** The script's name for it. */
  readonly key: string;
  readonly title: string;
  readonly numeric?: boolean;
  /** The direction that a first click gives, where it is not upwards. */
  readonly first?: "descending";
  readonly text: (row: Row) => string;
  /** What is sorted and filtered by, where it is not the text. */
  readonly value?: (row: Row) => string;
  /** Markup that shows the text; default: the text, escaped. */
  readonly markup?: (row: Row) => string;
}

interface TablePage<Row> {
  readonly title: string;
  /** Markup between the heading and the filters, and behind the table. */
  readonly intro: string;
  readonly behind?: string;
  /** The controls of the form: see `textFilter` and those below it. */
  readonly first: string;
  readonly filters: readonly string[];
  readonly columns: readonly PageColumn<Row>[];
  readonly rows: readonly Row[];
  /** Of what the table is, for screen readers. */
  readonly caption: string;
  /** The id of the table's place, and those of its rows where something leads to them. */
  readonly id: string;
  readonly rowId?: (row: Row) => string;
  readonly style: string;
  readonly script?: string;
}

/**
 * One HTML document that needs no other file and no network: a table that can be read without its script, and sorted and
 * filtered with it, by keyboard too. The same rows give the same bytes.
 */
export const tablePage = <Row>(page: TablePage<Row>): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeHtml(page.title)}</title>
<style>${style}${page.style}</style>
</head>
<body>
<a class="skip" href="#${page.id}">To the table</a>
<main>
<h1>${escapeHtml(page.title)}</h1>
${page.intro}
${form(page)}
<output aria-live="polite">${page.rows.length} rows</output>
<div class="scroll" role="region" aria-labelledby="caption" tabindex="0" id="${page.id}">
<table>
<caption id="caption">${escapeHtml(page.caption)}; the buttons in the first row sort</caption>
<thead><tr>${page.columns.map(headCell).join("")}</tr></thead>
<tbody>
${page.rows.map((row) => bodyRow(page, row)).join("\n")}
</tbody>
</table>
</div>${page.behind ?? ""}
</main>
<script>${script}${page.script ?? ""}</script>
</body>
</html>
`;

const headCell = <Row>({ key, title, numeric, first }: PageColumn<Row>): string =>
  `<th scope="col" data-column="${key}"${numeric === true ? ' class="n"' : ""}${first === undefined ? "" : ` data-first="${first}"`}><button type="button">${escapeHtml(title)}</button></th>`;

function bodyRow<Row>({ columns, rowId }: TablePage<Row>, row: Row): string {
  const cells = columns.map((column, i) =>
    i === 0 ? `<th scope="row">${shown(column, row, breakable)}</th>` : cell(column, row),
  );
  return `<tr${rowId === undefined ? "" : attribute("id", rowId(row))}>${cells.join("")}</tr>`;
}

const cell = <Row>(column: PageColumn<Row>, row: Row): string =>
  `<td${column.numeric === true ? ' class="n"' : ""}${column.value === undefined ? "" : attribute("data-v", column.value(row))}>${shown(column, row, escapeHtml)}</td>`;

const shown = <Row>({ markup, text }: PageColumn<Row>, row: Row, plain: (text: string) => string): string =>
  markup?.(row) ?? plain(text(row));

/** Escaped text that may be broken where a name's pieces end. */
export const breakable = (text: string): string => escapeHtml(text).replaceAll(/[._]/g, "$&<wbr>");

/** Without the script they would do nothing, so it is the script that shows them. */
const form = <Row>({ first, filters }: TablePage<Row>): string => `<form hidden role="search" aria-label="Filters">
${first}
<details open>
<summary>More filters</summary>
<div class="fields">
${filters.filter((text) => text !== "").join("\n")}
<button type="reset">Reset</button>
</div>
</details>
</form>`;

/** A field for words that a column's text has; the main one is wide. */
export const textFilter = (column: string, title: string): string =>
  `<label>${title}<input type="search" name="in:${column}" class="wide" autocomplete="off" spellcheck="false"></label>`;

/** A field for words that a column's text is made of, of which these are proposed. */
export const wordFilter = (column: string, title: string, words: readonly string[]): string =>
  `<label>${title}<input type="search" name="has:${column}" list="words" autocomplete="off" spellcheck="false"></label>
<datalist id="words">${words.map((word) => `<option${attribute("value", word)}>`).join("")}</datalist>`;

/** A choice among a column's values; nothing where there is none to make. */
export const choiceFilter = (
  column: string,
  title: string,
  values: readonly string[],
  width: "narrow" | "wide" = "wide",
): string =>
  `<label>${title}<select name="is:${column}"${width === "narrow" ? ' class="narrow"' : ""}><option value="">any</option>${values.map((v) => `<option>${escapeHtml(v)}</option>`).join("")}</select></label>`;

/** A field for the largest, or the smallest, number of a column. */
export const limitFilter = (kind: "max" | "min", column: string, title: string): string =>
  `<label>${title}<input type="number" name="${kind}:${column}" min="0" step="any"></label>`;

/** The values that a column has, without the empty one, in the order of their first rows. */
export const distinct = <Row>(rows: readonly Row[], value: (row: Row) => string): string[] =>
  [...new Set(rows.map(value))].filter((v) => v !== "");
