import { Command, Option } from "commander";
import { TimmcError } from "../../ir/error.ts";
import type { Size } from "../../driver/sizes.ts";
import { imageSize, jsonOption } from "../options.ts";
import type { Shell } from "../shell.ts";

interface DiffCommandOptions {
  readonly run?: boolean;
  readonly size?: Size;
  readonly images?: readonly string[];
  readonly exitCode?: boolean;
  readonly json?: boolean;
}

const epilogue = `
Certificates are not compared. Weights are read piece by piece, whatever their size.

Examples:
  timmc diff out-O2 out-O0
  timmc diff fp32 int8 --run --images pictures/*.jpg
  timmc diff before after --exit-code || echo changed`;

export const diffCommand = (shell: Shell): Command =>
  new Command("diff")
    .description("tell what differs between two artifacts: options, outputs, nodes or kernels, weights, files")
    .argument("<A>", "an artifact folder, from timmc compile")
    .argument("<B>", "another one")
    .option("--run", "also run both on the same input, and measure every output that both have")
    .addOption(
      new Option("--images <IMAGE...>", "run both on these pictures: PNG, JPEG or WebP").implies({ run: true }),
    )
    .addOption(
      new Option("--size <HxW>", "the height and width to run both at (default: the first that both take)")
        .argParser(imageSize)
        .implies({ run: true }),
    )
    .option("--exit-code", "exit with 1 where they differ")
    .addOption(jsonOption("everything that differs"))
    .addHelpText("after", epilogue)
    .action(async (a: string, b: string, { json, exitCode, ...options }: DiffCommandOptions) => {
      const { diffArtifacts } = await import("../../driver/diff/diff.ts");
      const { signal, status: progress, note } = shell;
      const report = await diffArtifacts(a, b, { ...options, signal, progress, note });
      if (json === true) shell.json(report);
      else {
        const { diffLines } = await import("../diff-text.ts");
        shell.print(diffLines(report, shell.colors).join("\n"));
      }
      if (exitCode === true && !report.equal) throw new TimmcError("numeric", `${a} and ${b} differ`);
    });
