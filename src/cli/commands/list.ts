import { existsSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import type { ContradictionReport, ListRequest, ListRow, SortKey } from "../../driver/list.ts";
import { TimmcError } from "../../ir/error.ts";
import type { InputSize } from "../../frontend/pretrained-cfg.ts";
import { counted } from "../../frontend/counted.ts";
import { positiveInteger } from "../numbers.ts";
import { commaList, jsonOption } from "../options.ts";
import type { Shell } from "../shell.ts";
import { type Column, table } from "../table.ts";

interface ListOptions {
  readonly family?: readonly string[];
  readonly pretrained?: boolean;
  readonly supported?: boolean;
  readonly maxParams?: number;
  readonly maxGmacs?: number;
  readonly minTop1?: number;
  readonly inputSize?: number | InputSize;
  readonly license?: readonly string[];
  readonly data?: readonly string[];
  readonly sort?: SortKey;
  readonly contradictions?: boolean;
  readonly html?: string;
  readonly json?: boolean;
}

const filterGroup = "Filters (all must hold; a row without the number is left out):";

/** An option parser: a number that is not negative, in decimals. */
const decimal =
  (words: string, most = 1e9) =>
  (text: string): number => {
    const number = /^\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : NaN;
    if (number >= 0 && number <= most) return number;
    throw new InvalidArgumentError(`It must be ${words}.`);
  };

/** `224`, or `3,224,224` as elsewhere. */
function imageSize(text: string): number | InputSize {
  const numbers = text.split(",").map((part) => positiveInteger(part.trim()));
  const [first, height, width] = numbers;
  if (first !== undefined && numbers.length === 1) return first;
  if (first !== undefined && height !== undefined && width !== undefined && numbers.length === 3)
    return [first, height, width];
  throw new InvalidArgumentError("It must be the side in pixels, such as 224, or C,H,W, such as 3,224,224.");
}

const filterOptions: readonly Option[] = [
  new Option("--family <NAME>", "only these families, comma separated").argParser(commaList),
  new Option("--pretrained", "only those with pretrained weights"),
  new Option("--supported", "only those that timmc compiles, with the records of timm that they were checked against"),
  new Option("--max-params <N>", "at most so many million parameters").argParser(
    decimal("a number of millions, such as 25.6"),
  ),
  new Option("--max-gmacs <N>", "at most so many billion multiply-accumulates").argParser(
    decimal("a number of billions, such as 4.1"),
  ),
  new Option("--min-top1 <N>", "at least this accuracy on ImageNet-1k in percent").argParser(
    decimal("a percentage from 0 to 100, such as 80.5", 100),
  ),
  new Option("--input-size <SIZE>", "weights for this input: the side in pixels, or C,H,W").argParser(imageSize),
  new Option("--license <NAME>", "weights under any of these licences, comma separated; none: not stated").argParser(
    commaList,
  ),
  new Option(
    "--data <TOKEN>",
    "trained on any of these data sets or by these objectives, comma separated, as names have them: in12k, laion2b, clip",
  ).argParser(commaList),
];

export function listCommand(shell: Shell): Command {
  const command = new Command("list")
    .description("the architectures and pretrained tags that timm has, and which of them timmc compiles")
    .argument("[GLOB]", "a pattern over ARCH.TAG with *, ? and [...], such as 'resnet*' or '*.in12k'");
  for (const option of filterOptions) command.addOption(option.helpGroup(filterGroup));
  return command
    .addOption(
      new Option(
        "--sort <KEY>",
        "top1: best first; params, gmacs: smallest first; name: timm's order, the default",
      ).choices(["name", "top1", "params", "gmacs"] satisfies SortKey[]),
    )
    .addOption(
      new Option("--html <FILE>", "write the rows as a page that sorts and filters, for any browser").conflicts("json"),
    )
    .addOption(
      new Option(
        "--contradictions",
        "the names that say otherwise than their pretrained configuration, with reasons",
      ).conflicts("html"),
    )
    .addOption(jsonOption("an array with an object per row"))
    .action((pattern: string | undefined, options: ListOptions) => runList(pattern, options, shell));
}

async function runList(pattern: string | undefined, options: ListOptions, shell: Shell): Promise<void> {
  const { family, json, html, contradictions, license, ...rest } = options;
  const { list, listContradictions } = await import("../../driver/list.ts");
  const request: ListRequest = { ...rest, pattern, families: family, licenses: license };
  if (contradictions === true) {
    const report = await listContradictions(request);
    return json === true ? shell.json(report.contradictions) : showContradictions(report, shell);
  }
  if (html !== undefined) requirePagePath(html);
  const rows = await list(request);
  const hasLimit = [rest.maxParams, rest.maxGmacs, rest.minTop1].some((limit) => limit !== undefined);
  const unnumbered = hasLimit ? (await list({ ...request, orUnknown: true })).length - rows.length : 0;
  if (unnumbered > 0) shell.note(`${counted(unnumbered, "row")} left out: no published number`);
  if (json === true) return shell.json(rows);
  if (rows.length === 0)
    shell.note(
      await noneText(
        pattern,
        filterOptions.some((o) => o.attributeName() in options),
      ),
    );
  if (html !== undefined) return writePage(html, rows, shell);
  if (rows.length === 0) return;
  if (options.supported === true) {
    const { coverageColumns, coverageText } = await import("../coverage-text.ts");
    showRows(rows, [...nameColumns, ...publishedColumns, ...coverageColumns, licenceColumn], shell);
    shell.log(coverageText(rows));
  } else {
    showRows(rows, [...nameColumns, supportedColumn, ...publishedColumns, licenceColumn], shell);
    const architectures = new Set(rows.map((r) => r.architecture)).size;
    if (shell.stderrIsTerminal) shell.log(`${architectures} architectures, ${rows.length} rows`);
  }
}

/** A pattern without wildcards is a name that may be misspelled, unless a filter took it away. */
async function noneText(pattern: string | undefined, isFiltered: boolean): Promise<string> {
  if (pattern === undefined) return "no model matches";
  const { quote } = await import("../../frontend/suggest.ts");
  const what = `no model matches ${quote(pattern)}`;
  if (isFiltered) return `${what} with these filters`;
  if (/[*?[]/.test(pattern)) return what;
  const { unknownNameHint } = await import("../../frontend/registry.ts");
  return `${what}. ${unknownNameHint(pattern)}`;
}

function requirePagePath(path: string): void {
  const hint = "Name the file to write: --html models.html";
  if (path === "") throw new TimmcError("usage", "--html names no file", { hint });
  if (existsSync(`${path}/.`)) throw new TimmcError("io", "this is a folder, not a file", { trail: [path], hint });
}

async function writePage(path: string, rows: readonly ListRow[], shell: Shell): Promise<void> {
  const { listPage } = await import("../../driver/list-page/page.ts");
  const { writeWhole } = await import("../../driver/artifact-files.ts");
  writeWhole(path, listPage(rows));
  shell.log(`${path}: ${rows.length} rows`);
}

function showContradictions({ checked, contradictions }: ContradictionReport, shell: Shell): void {
  if (contradictions.length > 0) {
    const [head = "", ...body] = table(
      [{ title: "model" }, { title: "field" }, { title: "by the name" }, { title: "recorded" }, { title: "why" }],
      contradictions.map((c) => [c.name, c.field, c.predicted, c.recorded, c.why]),
    );
    shell.print([shell.colors.bold(head), ...body].join("\n"));
  }
  shell.log(`${checked} names with weights, ${contradictions.length} contradictions`);
}

/** A column of the table of rows. */
interface RowColumn extends Column {
  readonly text: (row: ListRow) => string;
}

const decimals = (n: number | null): string => n?.toFixed(2) ?? "-";

const nameColumns: readonly RowColumn[] = [
  { title: "model", text: ({ architecture, tag }) => (tag === "" ? architecture : `${architecture}.${tag}`) },
  { title: "family", text: ({ family }) => family },
];
const supportedColumn: RowColumn = { title: "supported", text: ({ supported }) => (supported ? "yes" : "no") };
const publishedColumns: readonly RowColumn[] = [
  { title: "top1", align: "right", text: ({ top1 }) => decimals(top1) },
  { title: "params M", align: "right", text: ({ params }) => decimals(params) },
  { title: "GMACs", align: "right", text: ({ gmacs }) => decimals(gmacs) },
];
const licenceColumn: RowColumn = { title: "licence", text: ({ licence }) => licence ?? "-" };

function showRows(rows: readonly ListRow[], columns: readonly RowColumn[], shell: Shell): void {
  const [head = "", ...body] = table(
    columns,
    rows.map((row) => columns.map(({ text }) => text(row))),
  );
  shell.print([shell.colors.bold(head), ...body].join("\n"));
}
