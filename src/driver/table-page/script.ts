/**
 * Sorting and filtering, in the browser, for every page that is a table. The table is complete without it. A row's numbers are in its cells' `data-v`,
 * empty where there is none: such rows stay last in either order, and no limit lets them through.
 */
export const script = `
"use strict";
const form = document.querySelector("form");
const body = document.querySelector("tbody");
const count = document.querySelector("output");
const heads = [...document.querySelectorAll("thead th")];
const columns = heads.map((head) => head.dataset.column);
const rows = [...body.rows].map((row, order) => ({
  row,
  order,
  values: Object.fromEntries(columns.map((column, i) => [column, row.cells[i].dataset.v ?? row.cells[i].textContent])),
}));

const empty = (text) => text.trim() === "";
const withinLimit = (text, limit, sign) =>
  empty(limit) || (!empty(text) && sign * Number(text) <= sign * Number(limit));

const wordsOf = (text, separator) => text.toLowerCase().split(separator).filter((word) => word !== "");
/** By the kind in a control's name, which is KIND:COLUMN. */
const filters = {
  in: (value, wanted) => wordsOf(wanted, /\\s+/).every((word) => value.toLowerCase().includes(word)),
  has: (value, wanted) => wordsOf(wanted, /[\\s,]+/).every((word) => value.split(" ").includes(word)),
  is: (value, wanted) => wanted === "" || value === wanted,
  max: (value, limit) => withinLimit(value, limit, 1),
  min: (value, limit) => withinLimit(value, limit, -1),
};

function filterRows() {
  const wanted = [...new FormData(form)].map(([name, text]) => [...name.split(":"), text]);
  let shown = 0;
  for (const { row, values } of rows) {
    row.hidden = !wanted.every(([kind, column, text]) => filters[kind](values[column], text));
    if (!row.hidden) shown += 1;
  }
  count.textContent = shown + " of " + rows.length + " rows";
}

/** Numbers within names by their size: resnet18 before resnet101. */
const names = new Intl.Collator("en", { numeric: true });

function compare(column, numeric, sign) {
  return (a, b) => {
    const [x, y] = [a.values[column], b.values[column]];
    if (empty(x) || empty(y)) return Number(empty(x)) - Number(empty(y)) || a.order - b.order;
    const difference = numeric ? Number(x) - Number(y) : names.compare(x, y);
    return sign * difference || a.order - b.order;
  };
}

function sortBy(head) {
  const before = head.getAttribute("aria-sort");
  const first = head.dataset.first ?? "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  const direction = before === first ? other : first;
  for (const each of heads) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", direction);
  rows.sort(compare(head.dataset.column, head.classList.contains("n"), direction === "ascending" ? 1 : -1));
  body.append(...rows.map(({ row }) => row));
}

for (const head of heads) head.querySelector("button").addEventListener("click", () => sortBy(head));
form.addEventListener("input", filterRows);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(filterRows));
/** On a phone the table comes first. */
if (matchMedia("(max-width: 40rem)").matches) document.querySelector("details").open = false;
form.hidden = false;
filterRows();
`;
