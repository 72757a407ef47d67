import { Command, InvalidArgumentError, Option } from "commander";
import { type ModelOptions, lowerRequestOf, withModelOptions } from "../options.ts";

interface CompileOptions extends ModelOptions {
  readonly out: string;
  readonly target: "onnx";
  readonly opset?: number;
  readonly O?: "0" | "1" | "2";
  readonly json?: boolean;
}

const opset = (text: string): number => {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 17 || n > 23) throw new InvalidArgumentError("It must be 17 to 23.");
  return n;
};

export const compileCommand = (): Command =>
  withModelOptions(new Command("compile"))
    .description("compile a model to an artifact folder")
    .argument("<model>", "arch, arch.tag or local-dir:FOLDER")
    .requiredOption("-o, --out <DIR>", "the artifact folder")
    .addOption(new Option("--target <NAME>", "what to emit").choices(["onnx"]).default("onnx"))
    .addOption(new Option("--opset <N>", "ONNX operator set, 17 to 23").argParser(opset))
    .addOption(new Option("-O <LEVEL>", "optimisation: 0 none, 1, 2").choices(["0", "1", "2"]).default("2"))
    .option("--json", "print the manifest")
    .action(async (model: string, options: CompileOptions) => {
      const { compile } = await import("../../driver/compile.ts");
      const { parseWeights } = await import("../../driver/weights.ts");
      const manifest = await compile({
        ...lowerRequestOf(model, options),
        out: options.out,
        weights: parseWeights(options.weights ?? "pretrained"),
        opset: options.opset,
        optimization: options.O === undefined ? undefined : (`O${options.O}` as const),
      });
      process.stdout.write(options.json ? `${JSON.stringify(manifest)}\n` : `${options.out}\n`);
    });
