import { Command, Option } from "commander";
import { TimmcError } from "../../ir/error.ts";
import {
  type GraphOptions,
  hubAccessOf,
  jsonOption,
  lowerRequestOf,
  modelArgument,
  withGraphOptions,
} from "../options.ts";
import type { Shell } from "../shell.ts";

interface DoctorOptions extends GraphOptions {
  readonly all?: boolean;
  readonly json?: boolean;
}

const epilogue = `
Reads the names, types and shapes of the file, and no numbers. Says which of its entries becomes which parameter of the
model by which steps, and where it does not fit, why: a prefix, other names, another architecture of the family, other
arguments. Entries that differ in numbers alone share a line: blocks.{0..11}.attn.qkv.weight.

With a MODEL before it, --help also prints the model's own arguments.

Examples:
  timmc doctor resnet50                                          the pretrained weights
  timmc doctor vit_base_patch16_224 --weights checkpoint.pth     a file of your own
  timmc doctor resnet50 --weights FILE --arg num_classes=10      without its classifier
  timmc doctor hf-hub:ORG/NAME --all                             a line for each parameter
  timmc doctor resnet50 --weights FILE --json                    for programs

Exit status: 0 the file loads, if need be without its classifier; 1 it does not; 2 wrong usage`;

export const doctorCommand = (shell: Shell): Command =>
  withGraphOptions(new Command("doctor"))
    .description("how a weight file fits a model: what each parameter is made of, what is missing, and why")
    .argument("<MODEL>", modelArgument)
    .addOption(new Option("--all", "a line for each parameter and entry"))
    .addOption(jsonOption("the diagnosis"))
    .addHelpText("after", epilogue)
    .action(async (model: string, options: DoctorOptions) => {
      const { doctor } = await import("../../driver/doctor.ts");
      const { parseWeights } = await import("../../driver/weights.ts");
      const report = await doctor({
        ...lowerRequestOf(model, options),
        ...hubAccessOf(shell, options),
        weights: parseWeights(options.weights),
      });
      if (options.json === true) shell.json(report);
      else {
        const { doctorLines } = await import("../doctor-text.ts");
        report.notices.forEach(shell.note);
        shell.print(doctorLines(report, { colors: shell.colors, all: options.all === true }).join("\n"));
      }
      if (report.verdict === "fails")
        throw new TimmcError("weights", `${report.file} does not load into ${report.architecture}`);
    });
