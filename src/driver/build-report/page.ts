import { counted } from "../../frontend/counted.ts";
import type { BuildSummary, VariantSummary } from "../build/summary.ts";
import type { CacheInventory } from "../cache/inventory.ts";
import { bytesText, quantityText, shareText } from "../graph-page/browser/units.js";
import { attribute, escapeHtml, tag } from "../html.ts";
import {
  type PageColumn,
  breakable,
  choiceFilter,
  distinct,
  limitFilter,
  tablePage,
  textFilter,
} from "../table-page/page.ts";
import { type Point, scatter } from "./scatter.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";

interface ReportPlace {
  /** The folder of the artifacts from that of the page, with forward slashes. */
  readonly artifacts: string;
  /** The build cache's sizes, where one was used. */
  readonly cache?: Pick<CacheInventory, "stored_bytes" | "bytes_without_sharing"> | undefined;
}

/** A variant, and where it is among all. */
interface Row {
  readonly index: number;
  readonly variant: VariantSummary;
}

/** What a build made as one HTML document: sums, failures with their reasons, pictures, and a table of the variants. */
export function reportPage(summary: BuildSummary, { artifacts, cache }: ReportPlace): string {
  const rows = summary.variants.map((variant, index): Row => ({ index, variant }));
  const all = columnsOf(artifacts);
  const columns = all.filter(({ text }, i) => i === 0 || rows.some((row) => text(row) !== ""));
  return tablePage({
    title: `Build of ${summary.config}`,
    intro: [facts(summary, cache), notices(summary), failures(rows), pictures(rows), "<h2>Variants</h2>"].join("\n"),
    first: textFilter("name", "Name contains"),
    filters: filters(rows, new Set(columns.map(({ key }) => key))),
    columns,
    rows,
    caption: "Variants",
    id: "variants",
    rowId: rowIdOf,
    style,
    script,
  });
}

const rowIdOf = ({ index }: Row): string => `variant-${index}`;
const failureIdOf = ({ index }: Row): string => `failure-${index}`;

/** A column of numbers of which a row may have none. */
const number = (
  column: Pick<PageColumn<Row>, "key" | "title" | "first">,
  valueOf: (variant: VariantSummary) => number | null | undefined,
  text: (value: number) => string,
  unit = 1,
): PageColumn<Row> => {
  const of = ({ variant }: Row, shown: (value: number) => string): string => {
    const value = valueOf(variant);
    return value === null || value === undefined ? "" : shown(value);
  };
  return {
    ...column,
    numeric: true,
    text: (row) => of(row, text),
    value: (row) => of(row, (value) => String(value / unit)),
  };
};

const mebibyte = 2 ** 20;
const exponent = (n: number): string => (n === 0 ? "0" : n.toExponential(1));
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const columnsOf = (artifacts: string): readonly PageColumn<Row>[] => [
  { key: "name", title: "Variant", text: ({ variant }) => variant.name, markup: (row) => link(row, artifacts) },
  { key: "state", title: "State", text: ({ variant }) => stateOf(variant), markup: stateMarkup },
  { key: "target", title: "Target", text: ({ variant }) => variant.target },
  { key: "precision", title: "Precision", text: ({ variant }) => variant.precision },
  {
    key: "input",
    title: "Input",
    text: ({ variant: { artifact } }) => (artifact === null ? "" : artifact.input.join(",")),
  },
  number({ key: "size", title: "Size" }, (v) => v.artifact?.bytes, bytesText, mebibyte),
  number({ key: "macs", title: "MACs" }, (v) => v.artifact?.macs, quantityText, 1e9),
  number({ key: "params", title: "Params" }, (v) => v.artifact?.params, quantityText, 1e6),
  number({ key: "error", title: "Error" }, errorOf, exponent),
  number({ key: "top1", title: "Top-1 as fp32", first: "descending" }, (v) => v.top1_agreement, percent, 0.01),
  number(
    { key: "latency", title: "p50 ms" },
    (v) => v.latency?.p50_ms,
    (ms) => ms.toFixed(2),
  ),
  number(
    { key: "seconds", title: "Built in" },
    (v) => v.seconds,
    (s) => `${s.toFixed(1)} s`,
  ),
];

/** Of the reference's standard deviation. */
const errorOf = ({ verification }: VariantSummary): number | null => verification?.error_of_std ?? null;

const stateOf = ({ state, origin, verification }: VariantSummary): string =>
  state !== "complete" ? state : verification?.passed === false ? "over budget" : (origin ?? "complete");

function stateMarkup(row: Row): string {
  const text = stateOf(row.variant);
  if (row.variant.failure !== null)
    return `<span class="wrong"><a${attribute("href", `#${failureIdOf(row)}`)}>${escapeHtml(text)}</a></span>`;
  return text === "over budget" ? `<span class="wrong">${text}</span>` : escapeHtml(text);
}

/** To the artifact's folder, where there is one. */
function link({ variant: { name, state } }: Row, artifacts: string): string {
  const text = breakable(name).replaceAll("/", "/<wbr>");
  if (state !== "complete") return text;
  const place = [...artifacts.split("/"), ...name.split("/")].filter((part) => part !== "" && part !== ".");
  return `<a${attribute("href", `./${place.map(encodeURIComponent).join("/")}/`)}>${text}</a>`;
}

function facts({ counts, bytes, seconds, compiler, shard }: BuildSummary, cache: ReportPlace["cache"]): string {
  const states = [
    [counts.complete, "complete"],
    [counts.failed, "failed"],
    [counts.missing, "missing"],
    [counts.cached ?? 0, "of them cached"],
    [counts.kept ?? 0, "up to date before"],
  ] as const;
  const said = states.filter(([n]) => n > 0).map(([n, words]) => `${n} ${words}`);
  const entries: (readonly [string, string])[] = [
    ["Variants", `${counts.variants}: ${said.join(", ")}`],
    ["Artifacts", bytesText(bytes)],
    ...(cache === undefined ? [] : ([["Build cache", cacheText(cache)]] as const)),
    ...(shard === null ? [] : ([["Part", `${shard.index} of ${shard.of}`]] as const)),
    ...(seconds === null ? [] : ([["Took", `${seconds.toFixed(1)} s`]] as const)),
    ["Compiler", `${compiler.name} ${compiler.version}`],
  ];
  return `<dl class="facts">${entries.map(([name, value]) => `<div>${tag("dt", name)}${tag("dd", value)}</div>`).join("")}</dl>`;
}

const cacheText = ({ stored_bytes: stored, bytes_without_sharing: whole }: NonNullable<ReportPlace["cache"]>): string =>
  `${bytesText(stored)} for artifacts of ${bytesText(whole)}` +
  (whole > stored ? `, ${shareText(whole - stored, whole)} less by sharing` : "");

const notices = ({ notices: texts }: BuildSummary): string =>
  texts.length === 0
    ? ""
    : `<ul class="notices" aria-label="Notices">${texts.map((text) => tag("li", text)).join("")}</ul>`;

function failures(rows: readonly Row[]): string {
  const items = rows.flatMap((row) => {
    const { failure, name } = row.variant;
    if (failure === null) return [];
    const hint = failure.hint === null ? "" : `<p class="hint">${escapeHtml(failure.hint)}</p>`;
    return [
      `<li${attribute("id", failureIdOf(row))}><a${attribute("href", `#${rowIdOf(row)}`)}>${breakable(name)}</a><p>${escapeHtml(failure.message)}</p>${hint}</li>`,
    ];
  });
  if (items.length === 0) return "";
  return `<h2 class="wrong">${counted(items.length, "variant")} failed</h2>\n<ul class="failures">\n${items.join("\n")}\n</ul>`;
}

/** Size, and latency where it was measured, against the error; an error of 0 has no place on such an axis. */
function pictures(rows: readonly Row[]): string {
  const groups = distinct(rows, ({ variant }) => variant.precision);
  const points = (valueOf: (variant: VariantSummary) => number | undefined, text: (value: number) => string): Point[] =>
    rows.flatMap((row) => {
      const [x, y] = [valueOf(row.variant) ?? 0, errorOf(row.variant) ?? 0];
      if (x <= 0 || y <= 0) return [];
      const words = `${text(x)}, error ${exponent(y)}, ${row.variant.precision}`;
      return [{ name: row.variant.name, row: rowIdOf(row), x, y, group: row.variant.precision, words }];
    });
  const milliseconds = (ms: number): string => `${Number(ms.toPrecision(3))} ms`;
  const mebibytes = (n: number): string => `${Number(n.toPrecision(3))} MiB`;
  const y = { title: "error of the standard deviation", text: (n: number) => n.toExponential(0) };
  const sizes = points((v) => (v.artifact && v.artifact.bytes / mebibyte) || undefined, mebibytes);
  const drawn = [
    scatter({ title: "Size and error", points: sizes, groups, x: { title: "size", text: mebibytes }, y }),
    scatter({
      title: "Latency and error",
      points: points((v) => v.latency?.p50_ms, milliseconds),
      groups,
      x: { title: "p50 of a run", text: milliseconds },
      y,
    }),
  ].filter((picture) => picture !== "");
  return drawn.length === 0 ? "" : `<h2>Pictures</h2>\n<div class="pictures">\n${drawn.join("\n")}\n</div>`;
}

function filters(rows: readonly Row[], keys: ReadonlySet<string>): string[] {
  const choice = (key: string, title: string, value: (variant: VariantSummary) => string): string => {
    const values = distinct(rows, ({ variant }) => value(variant)).toSorted();
    return values.length < 2 ? "" : choiceFilter(key, title, values);
  };
  const limit = (kind: "max" | "min", key: string, title: string): string =>
    keys.has(key) ? limitFilter(kind, key, title) : "";
  return [
    choice("state", "State", stateOf),
    choice("target", "Target", (v) => v.target),
    choice("precision", "Precision", (v) => v.precision),
    limit("max", "size", "Size MiB at most"),
    limit("max", "macs", "GMACs at most"),
    limit("max", "error", "Error at most"),
    limit("min", "top1", "Top-1 % at least"),
    limit("max", "latency", "p50 ms at most"),
  ];
}
