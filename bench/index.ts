import { Command, InvalidArgumentError, Option } from "commander";
import { positiveInteger, positiveNumber } from "../src/cli/numbers.ts";
import { commaList } from "../src/cli/options.ts";
import { exitStatus, report } from "../src/cli/report.ts";
import { type Shell, processShell } from "../src/cli/shell.ts";
import { TimmcError } from "../src/ir/error.ts";
import { type Precision, precisions } from "../src/passes/precision/precision.ts";
import type { AccuracyOptions } from "./accuracy.ts";
import type { BuildBenchOptions } from "./build.ts";
import type { CompileBenchOptions } from "./compile.ts";
import type { CudaBenchOptions } from "./cuda.ts";
import { sixteen } from "./models.ts";
import type { OrtBenchOptions } from "./ort.ts";
import type { PrecisionBenchOptions } from "./precision.ts";
import type { ReadBenchOptions } from "./read.ts";
import type { WebGpuBenchOptions } from "./webgpu.ts";
import type { ZooBenchOptions } from "./zoo.ts";

/** Runs a benchmark in this process and gives the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const { shell, release } = processShell();
  try {
    await program(shell).parseAsync([...args], { from: "user" });
    return exitStatus.success;
  } catch (error) {
    shell.status("");
    return report(error, shell, !(error instanceof TimmcError));
  } finally {
    release();
  }
}

const program = (shell: Shell): Command =>
  new Command("npm run bench --")
    .description("measures timmc; bench/README.md says how to read it")
    .exitOverride()
    .argument("[command]")
    .action((name: string | undefined) => {
      throw new TimmcError("usage", name === undefined ? "no command" : `there is no command ${JSON.stringify(name)}`, {
        hint: "The commands are ort, webgpu, cuda, compile, build, zoo, read, accuracy, precision and forms.",
      });
    })
    .addCommand(ortCommand(shell))
    .addCommand(webGpuCommand(shell))
    .addCommand(cudaCommand(shell))
    .addCommand(compileCommand(shell))
    .addCommand(buildCommand(shell))
    .addCommand(zooCommand(shell))
    .addCommand(readCommand(shell))
    .addCommand(accuracyCommand(shell))
    .addCommand(precisionCommand(shell))
    .addCommand(formsCommand(shell));

const levelPair = (text: string): readonly [string, string] => {
  const [a, b, ...more] = text.split(",").map((part) => /^O?([012])$/.exec(part.trim())?.[1]);
  if (a === undefined || b === undefined || more.length > 0)
    throw new InvalidArgumentError("It must be two of O0, O1, O2, such as O0,O2.");
  return [a, b];
};

const threadCounts = (text: string): readonly number[] => commaList(text).map(positiveNumber);

const opsetNumber = (text: string): number => {
  const opset = positiveInteger(text);
  if (opset === undefined) throw new InvalidArgumentError("It must be a whole number.");
  return opset;
};

const modelsOption = (defaults: readonly string[], said: string): Option =>
  new Option("--models <LIST>", "architectures or patterns, comma separated; six and sixteen are lists of their own")
    .argParser((text: string) => commaList(text))
    .default(defaults, said);

const ortCommand = (shell: Shell): Command =>
  new Command("ort")
    .description("artifacts of two levels under ONNX Runtime, A/B/A in turns")
    .exitOverride()
    .addOption(modelsOption(sixteen, "sixteen"))
    .addOption(new Option("--levels <A,B>", "what is compared").argParser(levelPair).default(["0", "2"], "O0,O2"))
    .addOption(new Option("--onnx-ops <SET>", "operators of B; A has the default").choices(["standard", "ort"]))
    .addOption(new Option("--passes <LIST>", "passes of B in place of its level's, as in timmc compile"))
    .addOption(new Option("--opset <N>", "operator set of B; A has the default").argParser(opsetNumber))
    .addOption(new Option("--against <DIR>", "A is DIR/MODEL/model.onnx or DIR/MODEL.onnx instead"))
    .addOption(new Option("--threads <LIST>", "a table for each").argParser(threadCounts).default([1], "1"))
    .addOption(new Option("--runs <N>", "rounds (default: until it is precise enough)").argParser(positiveNumber))
    .addOption(new Option("--batch <N>", "images per run").argParser(positiveNumber).default(1))
    .addOption(new Option("--fixed-batch", "compile for that batch alone; otherwise it is free"))
    .addOption(new Option("--profile", "ONNX Runtime's profile of A and B by operator"))
    .addOption(new Option("--keep <DIR>", "compile into this folder and leave the artifacts there"))
    .addOption(new Option("--json <FILE>", "write everything measured to a file"))
    .action(async (options: OrtBenchOptions) => (await import("./ort.ts")).benchOrt(options, shell));

const webGpuModels = [
  "mobilenetv3_large_100",
  "resnet18",
  "efficientnet_b0",
  "vit_tiny_patch16_224",
  "convnext_atto",
] as const;

const webGpuCommand = (shell: Shell): Command =>
  new Command("webgpu")
    .description("WebGPU artifacts beside onnxruntime-web's WebGPU provider, in one page of Chromium, in turns")
    .exitOverride()
    .addOption(modelsOption(webGpuModels, "five"))
    .addOption(new Option("--runs <N>", "measured rounds").argParser(positiveNumber).default(5))
    .addOption(new Option("--browser <FILE>", "Chromium's program").default("/usr/bin/chromium"))
    .addOption(new Option("--gpu", "the browser's own adapter in place of SwiftShader"))
    .addOption(new Option("--profile", "our slowest kernels"))
    .addOption(new Option("--keep <DIR>", "compile into this folder and leave everything there"))
    .addOption(new Option("--json <FILE>", "write everything measured to a file"))
    .action(async (options: WebGpuBenchOptions) => (await import("./webgpu.ts")).benchWebGpu(options, shell));

const cudaModels = [
  "resnet50",
  "efficientnet_b0",
  "mobilenetv3_large_100",
  "convnext_tiny",
  "vit_base_patch16_224",
  "swin_tiny_patch4_window7_224",
] as const;

const cudaCommand = (shell: Shell): Command =>
  new Command("cuda")
    .description("CUDA artifacts as cubins, without a device: kernels, launches, registers, spills, memory")
    .exitOverride()
    .addOption(modelsOption(cudaModels, "six"))
    .addOption(
      new Option("--architectures <LIST>", "such as 75,80,86,89,90").argParser(threadCounts).default([80, 90], "80,90"),
    )
    .addOption(new Option("--batch <N>", "images per run").argParser(positiveNumber).default(1))
    .addOption(new Option("--keep <DIR>", "compile into this folder and leave everything there"))
    .addOption(new Option("--json <FILE>", "write everything measured to a file"))
    .action(async (options: CudaBenchOptions) => (await import("./cuda.ts")).benchCuda(options, shell));

const compileCommand = (shell: Shell): Command =>
  new Command("compile")
    .description("time and memory of compiling, by step")
    .exitOverride()
    .addOption(modelsOption(["six"], "six"))
    .addOption(new Option("--runs <N>", "compiles of each model").argParser(positiveNumber).default(5))
    .addOption(new Option("--json <FILE>", "write everything measured to a file"))
    .action(async (options: CompileBenchOptions) => (await import("./compile.ts")).benchCompile(options, shell));

const buildModels = ["mobilenetv3_small_050", "lcnet_050", "convnext_atto", "resnet18", "efficientnet_b0"] as const;

const buildCommand = (shell: Shell): Command =>
  new Command("build")
    .description("a matrix of variants, 40 of each model, built cold, again and warm; then killed and finished")
    .exitOverride()
    .addOption(modelsOption(buildModels, "five"))
    .addOption(new Option("--jobs <N>", "variants at a time (default: one per core)").argParser(positiveNumber))
    .addOption(new Option("--kills <N>", "kill -9 of as many builds").argParser(Number).default(0))
    .addOption(new Option("--json <FILE>", "write everything measured to a file"))
    .action(async (options: BuildBenchOptions) => (await import("./build.ts")).benchBuild(options, shell));

const zooCommand = (shell: Shell): Command =>
  new Command("zoo")
    .description("every architecture without weights: time and memory of lowering, compiling, inspecting")
    .exitOverride()
    .addOption(new Option("--models <GLOB>", "only these, by architecture.tag").default("*"))
    .addOption(new Option("--slowest <N>", "how many are named").argParser(positiveNumber).default(5))
    .action(async (options: ZooBenchOptions) => (await import("./zoo.ts")).benchZoo(options, shell));

const readCommand = (shell: Shell): Command =>
  new Command("read")
    .description("reading 1 GiB of safetensors, beside plain reading")
    .exitOverride()
    .addOption(new Option("--runs <N>", "rounds").argParser(positiveNumber).default(9))
    .action(async (options: ReadBenchOptions) => (await import("./read.ts")).benchRead(options, shell));

const precisionList = (text: string): readonly Precision[] =>
  commaList(text).map((name) => {
    const known = precisions.find((precision) => precision === name);
    if (known === undefined) throw new InvalidArgumentError(`The precisions are ${precisions.join(", ")}.`);
    return known;
  });

const accuracyCommand = (shell: Shell): Command =>
  new Command("accuracy")
    .description("what each precision costs in accuracy, on pictures whose names begin with their label")
    .exitOverride()
    .argument("<MODEL...>", "such as local-dir:FOLDER")
    .requiredOption("--calibration <DIR>", "pictures to calibrate on")
    .requiredOption("--evaluation <DIR>", "pictures to measure")
    .addOption(new Option("--precisions <LIST>", "which").argParser(precisionList).default(precisions, "all"))
    .addOption(new Option("--opset <N>", "operator set").argParser(opsetNumber).default(21))
    .action(async (models: readonly string[], options: AccuracyOptions) =>
      (await import("./accuracy.ts")).benchAccuracy(models, options, shell),
    );

const precisionCommand = (shell: Shell): Command =>
  new Command("precision")
    .description("artifacts of each precision beside float32 under ONNX Runtime, in turns, with their sizes")
    .exitOverride()
    .requiredOption("--pictures <DIR>", "pictures to calibrate on")
    .addOption(modelsOption(["six"], "six"))
    .addOption(
      new Option("--precisions <LIST>", "which")
        .argParser(precisionList)
        .default(["int8", "int8-dynamic", "int8-weights", "int4-weights"], "those of 8 and 4 bits"),
    )
    .addOption(new Option("--threads <LIST>", "a column for each").argParser(threadCounts).default([1], "1"))
    .addOption(new Option("--runs <N>", "rounds (default: until it is precise enough)").argParser(positiveNumber))
    .addOption(new Option("--opset <N>", "operator set").argParser(opsetNumber).default(21))
    .addOption(new Option("--json <FILE>", "write everything measured to a file"))
    .action(async (options: PrecisionBenchOptions) => (await import("./precision.ts")).benchPrecision(options, shell));

const formsCommand = (shell: Shell): Command =>
  new Command("forms")
    .description("the spellings of an operation in ONNX, side by side; without a name all of them")
    .exitOverride()
    .argument("[NAME...]", "which")
    .action(async (names: readonly string[]) => (await import("./run-forms.ts")).benchForms(names, shell));
