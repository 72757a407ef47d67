import type { Template } from "../frontend/weights/diagnose/template.ts";
import type { Diagnosis, ParameterReport } from "../driver/doctor-report.ts";
import { printable } from "../frontend/printable.ts";
import { type Row, collapseRows } from "./collapse.ts";
import type { Colors } from "./shell.ts";
import { facts, table } from "./table.ts";
import { shapeText } from "./units.ts";

/** Rows of a table before the rest is only counted. */
const maxRows = 24;

/** Longer names are no parameters. */
const maxCell = 500;

/** Text of a file that may be hostile, as a terminal may have it. */
const cell = (text: string): string =>
  printable(text.length > maxCell ? `${text.slice(0, maxCell)}... (${text.length} characters)` : text);

interface DoctorLayout {
  readonly colors: Colors;
  /** A row per parameter and entry, in place of a row for those that differ in numbers alone. */
  readonly all: boolean;
}

/** A diagnosis for people: the verdict, what to do, then a table per kind of finding. */
export function doctorLines(d: Diagnosis, layout: DoctorLayout): string[] {
  const { colors } = layout;
  const paint = { loads: colors.green, partly: colors.yellow, fails: colors.red }[d.verdict];
  return [
    colors.bold(`${d.tag === "" ? d.architecture : `${d.architecture}.${d.tag}`} (${d.family})`),
    paint(printable(d.summary)),
    ...d.advice.map((line) => `  ${printable(line)}`),
    "",
    ...facts(fileFacts(d).map(([name, value]) => [name, printable(value)] as const)),
    ...sections(d, layout.all).flatMap((section) => sectionLines(section, layout)),
  ];
}

function fileFacts(d: Diagnosis): (readonly [string, string])[] {
  const asStored = d.parameters.filter((p) => p.status === "loads" && !isChanged(p)).length;
  const counters = d.parameters.filter((p) => p.status === "counter").length;
  const without = counters === 0 ? "" : `, without ${counters} counters of batches, which nothing reads`;
  const types = [...new Set(d.parameters.flatMap((p) => p.stored))].sort();
  return [
    ["file", d.hub === null ? d.file : `${d.file} of ${d.hub.id} at ${d.hub.commit.slice(0, 12)}`],
    ["entries", `${d.entries}${types.length === 0 ? "" : `, ${types.join(", ")}`}`],
    ["names", namesFact(d)],
    ["as stored", `${asStored} of ${d.parameters.length - counters} parameters and buffers${without}`],
    ...(d.failure === null || d.summary.includes(d.failure.message) ? [] : [["stopped", d.failure.message] as const]),
  ];
}

function namesFact({ layout, parameters, findings }: Diagnosis): string {
  const { prefix } = findings;
  if (prefix !== null) {
    const inner = prefix.layout === null ? "timm's" : `those of ${prefix.layout}`;
    return prefix.change === "off" ? `${inner} behind ${prefix.prefix}` : `${inner} without ${prefix.prefix}`;
  }
  if (layout !== null)
    return `those of ${layout.name}, mapped ${layout.own ? "by timmc; timm has no such mapping" : "as timm does"}`;
  const named = parameters.filter((p) => p.status !== "missing" && p.status !== "counter").length;
  if (named === 0) return "of no layout that timmc knows";
  if ((findings.mapping?.templates.length ?? 0) === 0) return "timm's";
  const counters = parameters.filter((p) => p.status === "counter").length;
  return `timm's for ${named} of ${parameters.length - counters} parameters and buffers, the others of no layout that timmc knows`;
}

/** Whether a parameter is anything else than the file's entry of its name. */
const isChanged = (p: ParameterReport): boolean =>
  p.steps.length > 0 || p.adaptation !== null || p.expression !== null || p.from[0] !== p.name;

/** What the findings explain: without --all, it need not be listed. */
function explained({
  parameters,
  unused,
  findings: { prefix, mapping, siblings },
}: Diagnosis): ReadonlySet<string> | "all" {
  if (siblings !== null && prefix !== null) return "all";
  const mapped = (mapping?.templates ?? []).flatMap((t) => t.pairs.flatMap((p) => [...p.from, ...p.to]));
  if (prefix === null) return new Set(mapped);
  if (prefix.open.length === 0) return "all";
  const open = new Set(prefix.open);
  const found = parameters.flatMap((p) => (open.has(p.name) ? [] : [p.name]));
  const names = new Set(found);
  const isFound = (key: string): boolean =>
    prefix.change === "off"
      ? key.startsWith(prefix.prefix) && names.has(key.slice(prefix.prefix.length))
      : names.has(prefix.prefix + key);
  return new Set([...mapped, ...found, ...unused.flatMap((e) => e.from.filter(isFound))]);
}

interface Section {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

const one = (...cells: readonly string[]): Row => ({ cells, count: 1 });

function sections(d: Diagnosis, all: boolean): Section[] {
  const known = all ? new Set<string>() : explained(d);
  const isOpen = (name: string): boolean => known !== "all" && !known.has(name);
  const having = (status: ParameterReport["status"]) => d.parameters.filter((p) => p.status === status);
  return [
    {
      title: "another shape or type",
      columns: ["parameter", "model", "file", "likely"],
      rows: having("misshapen").map((p) => one(p.name, shapeText(p.shape), shapeText(p.found ?? []), p.reason ?? "")),
    },
    {
      title: "missing",
      columns: ["parameter", "shape", "entry of a similar name"],
      rows: having("missing")
        .filter((p) => isOpen(p.name))
        .map((p) => one(p.name, shapeText(p.shape), p.near ?? "")),
    },
    {
      title: "left without values",
      columns: ["parameter", "shape", "why"],
      rows: having("withheld").map((p) => one(p.name, shapeText(p.shape), p.reason ?? "")),
    },
    ...mappingSections(d.findings.mapping),
    {
      title: "mapped",
      columns: ["parameter", "how", "made of"],
      rows: having("loads")
        .filter(isChanged)
        .map((p) => mappedRow(p, all)),
    },
    {
      title: "left out",
      columns: ["entry of the file", "what it is"],
      rows: d.dropped.map(({ from, what }) => one(from.join(", "), what)),
    },
    {
      title: "not used",
      columns: ["entry of the file", "type"],
      rows: d.unused
        .filter((e) => e.from.some(isOpen))
        .map(({ from, dtype, shape }) => one(from.join(", "), `${dtype}${shapeText(shape)}`)),
    },
  ];
}

/** Without --all, longer expressions are named by what they are made of: the steps say how. */
const maxExpression = 240;

function mappedRow({ name, from, expression, steps, adaptation }: ParameterReport, all: boolean): Row {
  const isShown = expression !== null && (all || expression.length <= maxExpression);
  const how = [...steps, ...(adaptation === null ? [] : [adaptation])].join(", ");
  return one(name, how || "renamed", isShown ? expression : from.join(", "));
}

function mappingSections(mapping: Diagnosis["findings"]["mapping"]): Section[] {
  if (mapping === null) return [];
  return [
    {
      title: "closest mapping, by shapes and words: a proposal, which nothing applies",
      columns: ["entry of the file", "parameter", "how", "confidence"],
      rows: mapping.templates.map((t) => ({ cells: templateCells(t), count: t.matched })),
    },
    {
      title: "ambiguous: several entries fit, so none is proposed",
      columns: ["parameter", "candidates"],
      rows: mapping.ambiguous.map((a) => one(a.to, a.from.join(" or "))),
    },
  ];
}

function templateCells({ from, to, packing, relation, confidence, numbers }: Template): string[] {
  const how = [packing, relation === "as it is" ? null : relation].filter((word) => word !== null);
  return [from, to, how.join(", ") || "renamed", numbers === null ? confidence : `${confidence} (${numbers})`];
}

function sectionLines({ title, columns, rows }: Section, { colors, all }: DoctorLayout): string[] {
  if (rows.length === 0) return [];
  const shown = all ? rows : collapseRows(rows);
  const cut = all ? shown : shown.slice(0, maxRows);
  const [head = "", ...lines] = table(
    [{ title: "", align: "right" }, ...columns.map((name) => ({ title: name }))],
    cut.map(({ count, cells }) => [String(count), ...cells.map(cell)]),
  );
  const rest = shown.length - cut.length;
  return [
    "",
    `${colors.bold(title)} (${rows.reduce((n, row) => n + row.count, 0)})`,
    colors.dim(head),
    ...lines,
    ...(rest > 0 ? [`and ${rest} more rows: --all shows them`] : []),
  ];
}
