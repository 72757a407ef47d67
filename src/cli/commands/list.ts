import { Command, Option } from "commander";
import type { ListRow, SortKey } from "../../driver/list.ts";
import { commaList, jsonOption } from "../options.ts";
import type { Shell } from "../shell.ts";
import { table } from "../table.ts";

interface ListOptions {
  readonly family?: readonly string[];
  readonly pretrained?: boolean;
  readonly supported?: boolean;
  readonly sort?: SortKey;
  readonly json?: boolean;
}

export const listCommand = (shell: Shell): Command =>
  new Command("list")
    .description("the architectures and pretrained tags that timm has, and which of them timmc compiles")
    .argument("[GLOB]", "a pattern over ARCH.TAG with *, ? and [...], such as 'resnet*' or '*.in12k'")
    .addOption(new Option("--family <NAME>", "only these families, comma separated").argParser(commaList))
    .option("--pretrained", "only those with pretrained weights")
    .option("--supported", "only those that timmc compiles")
    .addOption(
      new Option(
        "--sort <KEY>",
        "top1: best first; params, gmacs: smallest first; name: timm's order, the default",
      ).choices(["name", "top1", "params", "gmacs"] satisfies SortKey[]),
    )
    .addOption(jsonOption("an array with an object per row"))
    .action(async (pattern: string | undefined, { family, json, ...options }: ListOptions) => {
      const { list } = await import("../../driver/list.ts");
      const rows = await list({ ...options, pattern, families: family });
      if (json === true) shell.json(rows);
      else if (rows.length === 0) shell.note(await noneText(pattern));
      else showRows(rows, shell);
    });

/** A pattern without wildcards is a name that may be misspelled. */
async function noneText(pattern: string | undefined): Promise<string> {
  if (pattern === undefined || /[*?[]/.test(pattern)) return "no model matches";
  const { unknownNameHint } = await import("../../frontend/registry.ts");
  return `no model matches ${JSON.stringify(pattern)}. ${unknownNameHint(pattern)}`;
}

function showRows(rows: readonly ListRow[], shell: Shell): void {
  const number = (n: number | null, digits: number): string => n?.toFixed(digits) ?? "-";
  const lines = table(
    [
      { title: "model" },
      { title: "family" },
      { title: "supported" },
      { title: "top1", align: "right" },
      { title: "params M", align: "right" },
      { title: "GMACs", align: "right" },
      { title: "licence" },
    ],
    rows.map(({ architecture, tag, family, supported, top1, params, gmacs, licence }) => [
      tag === "" ? architecture : `${architecture}.${tag}`,
      family,
      supported ? "yes" : "no",
      number(top1, 2),
      number(params, 2),
      number(gmacs, 2),
      licence ?? "-",
    ]),
  );
  const [head = "", ...body] = lines;
  shell.print([shell.colors.bold(head), ...body].join("\n"));
  const architectures = new Set(rows.map((r) => r.architecture)).size;
  if (shell.stderrIsTerminal) shell.log(`${architectures} architectures, ${rows.length} rows`);
}
