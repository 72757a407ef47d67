import { isUnchanged } from "../driver/diff/changes.ts";
import { isSameGraph } from "../driver/diff/graph-diff.ts";
import type {
  Changes,
  DiffReport,
  FieldChange,
  GraphDiff,
  KernelDiff,
  ModelDiff,
  NamedChange,
  RunDiff,
  TensorChange,
  WeightDiff,
} from "../driver/diff/report.ts";
import { counted } from "../frontend/counted.ts";
import { printableLine } from "../frontend/printable.ts";
import type { Colors } from "./shell.ts";
import { type Column, facts, table } from "./table.ts";
import { byteQuantity } from "./units.ts";

/** What two artifacts differ in, a section each; of long lists the beginning. */
export function diffLines(report: DiffReport, colors: Colors): string[] {
  const { a, b, equal, options, labels, outputs, models, files, runs, notes } = report;
  const side = ({ artifact, model, target, bytes }: DiffReport["a"]): string =>
    `${artifact}  (${model}, ${target}, ${byteQuantity(bytes)})`;
  const section = (title: string, summary: string, body: readonly string[] = []): string[] => [
    `${colors.bold(printableLine(title))}: ${summary}`,
    ...body.map((line) => `  ${line}`),
  ];
  const changes = <T, C>(title: string, all: Changes<T, C>, body: (all: Changes<T, C>) => string[]): string[] =>
    section(title, summaryOf(all), body(all));
  const verdict = equal ? colors.green("equal, to the byte") : colors.yellow("the artifacts differ");
  return [
    ...facts([
      ["a", side(a)],
      ["b", side(b)],
    ]),
    "",
    ...section("options", options.length === 0 ? "the same" : `${options.length} differ`, fieldTable(options)),
    ...section("labels", labels.length === 0 ? "the same" : `${labels.length} differ`, labelTable(labels)),
    ...changes("outputs", outputs, (all) => listed(all, ({ name, type }) => [name, type], changeRows)),
    ...models.flatMap((model) => [
      ...(model.graph === null
        ? []
        : section(`${modelName(model)}, nodes`, graphSummary(model.graph), graphBody(model.graph))),
      ...(model.kernels === null
        ? []
        : section(`${modelName(model)}, steps`, kernelSummary(model.kernels), kernelBody(model.kernels))),
      ...section(`${modelName(model)}, weights`, weightSummary(model.weights), weightBody(model.weights)),
    ]),
    ...changes("files", files, (all) =>
      listed(
        all,
        ({ path, bytes }) => [path, byteQuantity(bytes)],
        ({ path, a: before, b: after }) => [
          ["~", path, before === after ? `${byteQuantity(before)}, other bytes` : sizes(before, after)],
        ],
      ),
    ),
    ...(runs === null ? [] : section("runs", runSummary(runs), runBody(runs))),
    ...notes.map((note) => printableLine(note)),
    "",
    verdict,
  ];
}

const modelName = ({ a, b }: ModelDiff): string => (a === b ? a : `${a} and ${b}`);

const sizes = (a: number, b: number): string => `${byteQuantity(a)} -> ${byteQuantity(b)}`;

function summaryOf(all: Changes<unknown, unknown>): string {
  const { removed, added, changed, equal, reordered } = all;
  if (isUnchanged(all)) return `the same, ${equal}`;
  const parts = [
    [removed.length, "only in a"],
    [added.length, "only in b"],
    [changed.length, changed.length === 1 ? "differs" : "differ"],
    [equal, "the same"],
  ] as const;
  const said = parts.filter(([n]) => n > 0).map(([n, words]) => `${n} ${words}`);
  return [...said, ...(reordered ? ["in another order"] : [])].join(", ");
}

/** Of every list; `--json` has all. */
const shownRows = 12;

/** A list's beginning, and how much is left. */
function cut<T>(rows: readonly T[], lines: (some: readonly T[]) => string[]): string[] {
  const more = rows.length - shownRows;
  return rows.length === 0 ? [] : [...lines(rows.slice(0, shownRows)), ...(more > 0 ? [`and ${more} more`] : [])];
}

/** Rows without titles. */
const rowsOf = (cells: readonly (readonly string[])[]): string[] => {
  const columns = Array.from({ length: Math.max(...cells.map((row) => row.length)) }, () => ({ title: "" }));
  return table(columns, cells).slice(1);
};

/** `-` for what only the first has, `+` for what only the second has, and what changed. */
function listed<T, C>(
  { removed, added, changed }: Changes<T, C>,
  cells: (thing: T) => string[],
  changeCells: (change: C) => string[][],
): string[] {
  return [
    ...cut(removed, (some) => rowsOf(some.map((thing) => ["-", ...cells(thing)]))),
    ...cut(added, (some) => rowsOf(some.map((thing) => ["+", ...cells(thing)]))),
    ...cut(changed, (some) => rowsOf(some.flatMap(changeCells))),
  ];
}

const changeRows = ({ name, changes }: NamedChange): string[][] =>
  changes.map(({ field, a, b }, i) => [i === 0 ? "~" : "", i === 0 ? name : "", field, shown(a), shown(b)]);

const maxValue = 48;

/** A value as people read it, on one line. */
function shown(value: unknown): string {
  const text = value === undefined ? "-" : typeof value === "string" ? value : JSON.stringify(value);
  return text.length > maxValue ? `${text.slice(0, maxValue - 3)}...` : text;
}

const fieldTable = (changes: readonly FieldChange[]): string[] =>
  cut(changes, (some) =>
    table(
      [{ title: "field" }, { title: "a" }, { title: "b" }],
      some.map(({ field, a, b }) => [field, shown(a), shown(b)]),
    ),
  );

const labelTable = (labels: DiffReport["labels"]): string[] =>
  cut(labels, (some) =>
    table(
      [{ title: "class", align: "right" }, { title: "a" }, { title: "b" }],
      some.map(({ index, a, b }) => [String(index), shown(a ?? "-"), shown(b ?? "-")]),
    ),
  );

function graphSummary(graph: GraphDiff): string {
  if (isSameGraph(graph)) return `the same, ${graph.nodes.equal}`;
  const { model, values, nodes } = graph;
  const others = [
    ...(model.length > 0 ? [`${counted(model.length, "field")} of the model`] : []),
    ...(values.length > 0 ? [`${counted(values.length, "type")} of values`] : []),
  ];
  return [summaryOf(nodes), ...others].join("; ");
}

const right = (title: string): Column => ({ title, align: "right" });

function graphBody({ model, operators, nodes }: GraphDiff): string[] {
  const counts = operators.map(({ operator, a, b }) => [operator, String(a), String(b)]);
  return [
    ...fieldTable(model),
    ...(counts.length === 0 ? [] : table([{ title: "operator" }, right("a"), right("b")], counts)),
    ...listed(nodes, ({ name, operator }) => [name, operator], changeRows),
  ];
}

function kernelSummary({ steps, kernels }: KernelDiff): string {
  const { removed, added, equal } = kernels;
  return `${summaryOf(steps)}; kernels: ${removed} only in a, ${added} only in b, ${equal} the same`;
}

const kernelBody = ({ steps }: KernelDiff): string[] => listed(steps, ({ name }) => [name], changeRows);

function weightSummary(weights: WeightDiff): string {
  const { a, b } = weights.bytes;
  const size = a === b ? byteQuantity(a) : sizes(a, b);
  const only = weights.headers_only === null ? "" : `; types alone: ${printableLine(weights.headers_only)}`;
  return `${summaryOf(weights)}; ${size}${only}`;
}

function weightBody({ changed, ...weights }: WeightDiff): string[] {
  const titles = [{ title: "" }, { title: "weight" }, { title: "type" }];
  const numbers = [right("changed"), right("max abs"), right("max rel")];
  return [
    ...listed(
      { ...weights, changed: [] },
      ({ name, type }) => [name, type],
      () => [],
    ),
    ...cut(changed, (some) => table([...titles, ...numbers], some.map(tensorRow))),
  ];
}

function tensorRow({ name, a, b, elements, numbers }: TensorChange): string[] {
  const type = a === b ? a : `${a} -> ${b}`;
  if (numbers === null) return ["~", name, type, "-", "-", "-"];
  const { changed, max_abs, max_rel, not_finite } = numbers;
  const infinite = not_finite > 0 ? `, ${not_finite} not finite` : "";
  const share = changed === elements ? "all" : `${changed} of ${elements}`;
  return ["~", name, type, `${share}${infinite}`, exponent(max_abs), exponent(max_rel)];
}

const exponent = (n: number | null): string => (n === null ? "-" : n.toExponential(1));

function runSummary({ inputs, same_top1 }: RunDiff): string {
  const pictures =
    same_top1 === null ? "" : `; the same class for ${same_top1.same} of ${counted(same_top1.pictures, "picture")}`;
  return `${counted(inputs.length, "input")}${pictures}`;
}

function runBody({ inputs }: RunDiff): string[] {
  const rows = inputs.flatMap(({ input, outputs }) =>
    outputs.map((o) => [input, o.name, exponent(o.max_abs_error), exponent(o.error_of_std), o.problem ?? ""]),
  );
  return cut(rows, (some) =>
    table([{ title: "input" }, { title: "output" }, right("max error"), right("of std"), { title: "" }], some),
  );
}
