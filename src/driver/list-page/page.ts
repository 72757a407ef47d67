import { escapeHtml } from "../html.ts";
import { modelName } from "../../frontend/registry.ts";
import type { ListRow } from "../list.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";

interface Column {
  /** The script's name for it. */
  readonly key: string;
  readonly title: string;
  readonly numeric?: boolean;
  /** The direction that a first click gives, where it is not upwards. */
  readonly first?: "descending";
  readonly text: (row: ListRow) => string;
  /** What is sorted and filtered by, where it is not the text. */
  readonly value?: (row: ListRow) => string;
}

const decimals = (n: number | null): string => n?.toFixed(2) ?? "";
const exact = (n: number | null): string => (n === null ? "" : String(n));

const columns: readonly Column[] = [
  { key: "name", title: "Model", text: (row) => modelName(row.architecture, row.tag) },
  {
    key: "top1",
    title: "Top-1 %",
    numeric: true,
    first: "descending",
    text: (row) => decimals(row.top1),
    value: (row) => exact(row.top1),
  },
  {
    key: "params",
    title: "Params M",
    numeric: true,
    text: (row) => decimals(row.params),
    value: (row) => exact(row.params),
  },
  { key: "gmacs", title: "GMACs", numeric: true, text: (row) => decimals(row.gmacs), value: (row) => exact(row.gmacs) },
  {
    key: "size",
    title: "Input",
    numeric: true,
    text: ({ input_size: [, height, width] }) => (height === width ? String(width) : `${height} x ${width}`),
    value: (row) => String(row.input_size[1]),
  },
  { key: "supported", title: "Compiles", text: (row) => (row.supported ? "yes" : "no") },
  { key: "family", title: "Family", text: (row) => row.family },
  { key: "data", title: "Data and objective", text: (row) => row.data.join(" ") },
  { key: "licence", title: "Licence", text: (row) => row.licence ?? "" },
];

/** Escaped text that may be broken where a name's pieces end. */
const breakable = (text: string): string => escapeHtml(text).replaceAll(/[._]/g, "$&<wbr>");

/**
 * The rows as one HTML document that needs no other file and no network: a table that can be read without its script, and
 * sorted and filtered with it, by keyboard too. The same rows give the same bytes.
 */
export const listPage = (rows: readonly ListRow[]): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>timm models</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#models">To the table</a>
<main>
<h1>timm models</h1>
<p>Accuracy on ImageNet-1k, parameters and multiply-accumulates as timm publishes them; empty where it does not. Input is the picture's side in pixels. Data and objective are what a model's name says of its training.</p>
${controls(rows)}
<output aria-live="polite">${rows.length} rows</output>
<div class="scroll" role="region" aria-labelledby="caption" tabindex="0" id="models">
<table>
<caption id="caption">Pretrained weights; the buttons in the first row sort</caption>
<thead><tr>${columns.map(headCell).join("")}</tr></thead>
<tbody>
${rows.map(bodyRow).join("\n")}
</tbody>
</table>
</div>
</main>
<script>${script}</script>
</body>
</html>
`;

const headCell = ({ key, title, numeric, first }: Column): string =>
  `<th scope="col" data-column="${key}"${numeric === true ? ' class="n"' : ""}${first === undefined ? "" : ` data-first="${first}"`}><button type="button">${escapeHtml(title)}</button></th>`;

const bodyRow = (row: ListRow): string =>
  `<tr>${columns.map((column, i) => (i === 0 ? `<th scope="row">${breakable(column.text(row))}</th>` : cell(column, row))).join("")}</tr>`;

const cell = ({ numeric, text, value }: Column, row: ListRow): string =>
  `<td${numeric === true ? ' class="n"' : ""}${value === undefined ? "" : ` data-v="${escapeHtml(value(row))}"`}>${escapeHtml(text(row))}</td>`;

/** Without the script they would do nothing, so it is the script that shows them. */
function controls(rows: readonly ListRow[]): string {
  const distinct = (value: (row: ListRow) => string): string[] => [...new Set(rows.map(value))].filter((v) => v !== "");
  const choice = (name: string, title: string, values: readonly string[]): string =>
    `<label>${title}<select name="${name}"><option value="">any</option>${values.map((v) => `<option>${escapeHtml(v)}</option>`).join("")}</select></label>`;
  const number = (name: string, title: string): string =>
    `<label>${title}<input type="number" name="${name}" min="0" step="any"></label>`;
  const sizes = distinct((row) => String(row.input_size[1])).toSorted((a, b) => Number(a) - Number(b));
  const words = [...new Set(rows.flatMap((row) => row.data))].toSorted();
  return `<form hidden role="search" aria-label="Filters">
<label>Name contains<input type="search" name="search" autocomplete="off" spellcheck="false"></label>
<details open>
<summary>More filters</summary>
<div class="fields">
${choice("family", "Family", distinct((row) => row.family).toSorted())}
${choice("supported", "Compiles", ["yes", "no"])}
${number("minTop1", "Top-1 % at least")}
${number("maxParams", "Params M at most")}
${number("maxGmacs", "GMACs at most")}
${choice("size", "Input", sizes)}
<label>Data or objective<input type="search" name="data" list="words" autocomplete="off" spellcheck="false"></label>
<datalist id="words">${words.map((word) => `<option value="${escapeHtml(word)}">`).join("")}</datalist>
${choice("licence", "Licence", distinct((row) => row.licence ?? "").toSorted())}
<button type="reset">Reset</button>
</div>
</details>
</form>`;
}
