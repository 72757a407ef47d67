/**
 * Sorting and filtering, in the browser. The table is complete without it. A row's numbers are in its cells' `data-v`,
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
  name: row.cells[0].textContent,
  values: Object.fromEntries(columns.map((column, i) => [column, row.cells[i].dataset.v ?? row.cells[i].textContent])),
}));

const empty = (text) => text.trim() === "";
const withinLimit = (text, limit, sign) =>
  empty(limit) || (!empty(text) && sign * Number(text) <= sign * Number(limit));

function filterRows() {
  const wanted = Object.fromEntries(new FormData(form));
  const words = wanted.search.toLowerCase().split(/\\s+/).filter((word) => word !== "");
  const data = wanted.data.toLowerCase().split(/[\\s,]+/).filter((word) => word !== "");
  let shown = 0;
  for (const { row, name, values } of rows) {
    const fits =
      words.every((word) => name.toLowerCase().includes(word)) &&
      data.every((word) => values.data.split(" ").includes(word)) &&
      ["family", "supported", "size", "licence"].every((key) => wanted[key] === "" || values[key] === wanted[key]) &&
      withinLimit(values.params, wanted.maxParams, 1) &&
      withinLimit(values.gmacs, wanted.maxGmacs, 1) &&
      withinLimit(values.top1, wanted.minTop1, -1);
    row.hidden = !fits;
    if (fits) shown += 1;
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
