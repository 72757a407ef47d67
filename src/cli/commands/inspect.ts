import { Command } from "commander";
import { type ModelOptions, lowerRequestOf, withModelOptions } from "../options.ts";

export const inspectCommand = (): Command =>
  withModelOptions(new Command("inspect"))
    .description("the feature stages of a model, its parameters and its cost")
    .argument("<model>", "arch, arch.tag or local-dir:FOLDER")
    .option("--json", "one JSON document")
    .action(async (model: string, options: ModelOptions & { json?: boolean }) => {
      const { inspect } = await import("../../driver/inspect.ts");
      const report = await inspect(lowerRequestOf(model, options));
      process.stdout.write(`${JSON.stringify(report, undefined, options.json ? undefined : 2)}\n`);
    });
