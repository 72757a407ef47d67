import { Command, Option } from "commander";
import type { ImageReport } from "../../driver/run.ts";
import type { OutputSummary } from "../../driver/run-report.ts";
import type { Size } from "../../driver/sizes.ts";
import { TimmcError } from "../../ir/error.ts";
import { printableLine } from "../../frontend/printable.ts";
import { positiveNumber } from "../numbers.ts";
import { imageSize, jsonOption } from "../options.ts";
import type { Shell } from "../shell.ts";
import { table } from "../table.ts";
import { shapeText } from "../units.ts";

interface RunCommandOptions {
  readonly top: number;
  readonly size?: Size;
  readonly tensor?: string;
  readonly save?: string;
  readonly json?: boolean;
}

export const runCommand = (shell: Shell): Command =>
  new Command("run")
    .description("run an artifact on pictures, prepared exactly as timm does, or on a raw input")
    .argument("<DIR>", "an artifact folder, from timmc compile")
    .argument("[IMAGE...]", "pictures: PNG, JPEG or WebP")
    .addOption(new Option("--top <K>", "how many classes to print").argParser(positiveNumber).default(5))
    .addOption(new Option("--tensor <FILE.npy>", "feed this array as the input, in place of pictures"))
    .addOption(
      new Option("--size <HxW>", "of an artifact of several sizes the one to run (default: its first)").argParser(
        imageSize,
      ),
    )
    .option("--save <DIR>", "with --tensor: write every output as .npy, and outputs.json, which names the files")
    .addOption(jsonOption("an array with an object per picture, or an object for the tensor"))
    .action(async (dir: string, images: string[], options: RunCommandOptions) => {
      requireOneKind(images, options);
      if (options.tensor === undefined) await runPictures(shell, dir, images, options);
      else await runArray(shell, dir, options.tensor, options);
    });

function requireOneKind(images: readonly string[], { tensor, save }: RunCommandOptions): void {
  const fault =
    tensor !== undefined && images.length > 0
      ? "pictures and --tensor are two kinds of input"
      : tensor === undefined && save !== undefined
        ? "--save belongs to --tensor"
        : tensor === undefined && images.length === 0
          ? "nothing to run"
          : undefined;
  if (fault !== undefined)
    throw new TimmcError("usage", fault, {
      hint: "Use timmc run DIR IMAGE..., or timmc run DIR --tensor FILE.npy [--save DIR].",
    });
}

async function runPictures(
  shell: Shell,
  dir: string,
  images: readonly string[],
  { top, size, json }: RunCommandOptions,
): Promise<void> {
  const { runImages } = await import("../../driver/run.ts");
  const reports = await runImages(dir, images, {
    top,
    size,
    signal: shell.signal,
    progress: shell.status,
    note: shell.note,
  });
  if (json === true) shell.json(reports);
  else for (const report of reports) shell.print(describe(report, shell).join("\n"));
}

async function runArray(
  shell: Shell,
  dir: string,
  file: string,
  { save, size, json }: RunCommandOptions,
): Promise<void> {
  const { runTensor } = await import("../../driver/run.ts");
  const report = await runTensor(dir, file, { save, size, signal: shell.signal, note: shell.note });
  if (json === true) return shell.json(report);
  shell.print(summaryTable(report.outputs, shell.colors).join("\n"));
  if (save !== undefined) shell.log(`outputs written to ${save}`);
}

function describe({ image, top, outputs }: ImageReport, { colors }: Shell): string[] {
  const head = colors.bold(printableLine(image));
  if (top === null) return [head, ...summaryTable(outputs, colors)];
  const rows = top.map((c) => [`${(100 * c.probability).toFixed(2)} %`, c.label ?? `class ${c.index}`]);
  const [, ...lines] = table([{ title: "", align: "right" }, { title: "" }], rows);
  return [head, ...lines.map((line) => `  ${line}`)];
}

function summaryTable(outputs: readonly OutputSummary[], colors: Shell["colors"]): string[] {
  const number = (n: number | null): string => (n === null ? "not finite" : n.toPrecision(5));
  const [head = "", ...rows] = table(
    [
      { title: "output" },
      { title: "shape" },
      { title: "mean", align: "right" },
      { title: "std", align: "right" },
      { title: "min", align: "right" },
      { title: "max", align: "right" },
    ],
    outputs.map((o) => [
      o.name,
      `${o.dtype}${shapeText(o.shape)}`,
      number(o.mean),
      number(o.std),
      number(o.min),
      number(o.max),
    ]),
  );
  return [`  ${colors.dim(head)}`, ...rows.map((row) => `  ${row}`)];
}
