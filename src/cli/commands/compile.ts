import { Command, Option } from "commander";
import { TimmcError } from "../../ir/error.ts";
import type { Precision } from "../../passes/precision/precision.ts";
import type { CachedCompile } from "../../driver/cache/compile-cached.ts";
import type { CalibrationFile } from "../../driver/calibrate/calibration-file.ts";
import type { Certificate } from "../../driver/certificate.ts";
import type { CompileRequest } from "../../driver/compile.ts";
import type { Observer } from "../../passes/pass.ts";
import type { Tile } from "../../backends/kernel/table.ts";
import type { FormRequest } from "../../driver/forms.ts";
import type { Manifest, ManifestSize } from "../../driver/manifest.ts";
import { type Layout, layouts } from "../../driver/layout/layout.ts";
import type { PassTrace } from "../../driver/pass-observers.ts";
import { type Size, sizeName } from "../../driver/sizes.ts";
import { certificateFailure, certificateLines } from "../certificate-text.ts";
import {
  type FormOptions,
  type GraphOptions,
  type PassOptions,
  buildCacheOption,
  cacheOf,
  calibrationOption,
  commaList,
  hubAccessOf,
  jsonOption,
  lowerRequestOf,
  modelArgument,
  noteLevel,
  onnxOpsOption,
  opsetOption,
  passRequestOf,
  precisionOption,
  sizeList,
  targetOption,
  withGraphOptions,
  withPassOptions,
} from "../options.ts";
import { positiveFraction } from "../numbers.ts";
import { outputTable } from "../output-table.ts";
import { passLines } from "../pass-table.ts";
import type { Shell } from "../shell.ts";
import { facts, table } from "../table.ts";
import { byteQuantity, quantity, shapeText } from "../units.ts";

interface CompileOptions extends GraphOptions, PassOptions, FormOptions {
  readonly out: string;
  readonly printIrAfter?: readonly string[];
  readonly layout?: Layout;
  readonly sizes?: readonly Size[];
  readonly precision?: Precision;
  readonly calibration?: string;
  readonly maxError?: number;
  readonly tuning?: string;
  readonly verify?: boolean;
  readonly buildCache?: string;
  readonly json?: boolean;
}

const epilogue = `
With a MODEL before it, --help also prints the model's own arguments.

Examples:
  timmc compile resnet50 -o out --weights resnet50.safetensors
  timmc compile local-dir:shapes -o out --taps logits,features
  timmc compile resnet50 -o out --layout transformers-js
  timmc compile resnet50 -o out --dynamic-size 32
  timmc compile mobilenetv3_large_100 -o out --target webgpu
  timmc compile swin_tiny_patch4_window7_224 -o out --sizes 192,224,256x320
  timmc compile vit_tiny_patch16_224 -o out --weights synthetic --arg img_size=256 --taps module:blocks.5.attn`;

const emission = "Artifact:";
const optimisation = "Optimisation:";

const level = (): Option =>
  new Option(
    "-O <LEVEL>",
    "0 is the graph as timm defines it, 1 rewrites it where that saves work, 2 also takes the forms that run fastest",
  ).default("2");

export const compileCommand = (shell: Shell): Command =>
  withPassOptions(withGraphOptions(new Command("compile")), { group: optimisation, level: level() })
    .description("compile a model to an artifact folder: the model, manifest.json and a typed client, index.js")
    .argument("<MODEL>", modelArgument)
    .addOption(new Option("-o, --out <DIR>", "the artifact folder").makeOptionMandatory().helpGroup(emission))
    .addOption(targetOption("what to emit").helpGroup(emission))
    .addOption(
      new Option(
        "--print-ir-after <LIST>",
        "print the graph on stderr after these passes, comma separated, repeatable; or all",
      )
        .argParser(commaList)
        .helpGroup(optimisation),
    )
    .addOption(
      new Option("--layout <NAME>", "whose folder it is: timmc's own, or one that transformers.js loads too")
        .choices(layouts)
        .helpGroup(emission),
    )
    .addOption(
      new Option(
        "--sizes <LIST>",
        "a graph for each of these sizes over one weight file, comma separated: 224 or 256x320, height first",
      )
        .argParser(sizeList)
        .helpGroup(emission),
    )
    .addOption(new Option("--tuning <FILE>", "cut kernels as timmc tune measured").helpGroup(emission))
    .addOption(precisionOption().helpGroup(emission))
    .addOption(calibrationOption().helpGroup(emission))
    .addOption(
      new Option(
        "--max-error <X>",
        "below fp32: refuse an output whose RMS error is a larger fraction of its standard deviation",
      )
        .argParser(positiveFraction)
        .helpGroup(emission),
    )
    .addOption(opsetOption().helpGroup(emission))
    .addOption(onnxOpsOption().helpGroup(emission))
    .addOption(new Option("--verify", "then run it against the unoptimised graph and certify it").helpGroup(emission))
    .addOption(
      buildCacheOption("take it from this folder where timmc has compiled it before, else keep it there")
        .conflicts("printIrAfter")
        .helpGroup(emission),
    )
    .addOption(jsonOption("the manifest"))
    .addHelpText("after", epilogue)
    .action(async (model: string, options: CompileOptions, command: Command) => {
      const { json = false } = options;
      if (options.verify === true && options.weights === "none")
        throw new TimmcError("usage", "--verify runs the model, and --weights none leaves it without weights", {
          hint: "leave one of the two out",
        });
      noteLevel(command, options, shell.note);
      const traces: PassTrace[] = [];
      const compiled = await compileModel(model, options, shell, traces);
      const { manifest } = compiled;
      manifest.notices.forEach(shell.note);
      if (!json) {
        const layout = { colors: shell.errorColors, width: shell.stderrWidth };
        shell.log([...passLines(manifest, traces, layout), ""].join("\n"));
        shell.print(describe(manifest, options.out, shell));
        if (compiled.certificate !== undefined && options.verify !== true)
          shell.print(["", ...certificateLines(compiled.certificate, shell.colors)].join("\n"));
      }
      const certificate = options.verify === true ? await certified(model, compiled, options, shell) : undefined;
      if (json) shell.json(manifest);
      if (certificate?.passed === false) throw certificateFailure(options.out, certificate);
    });

type Compiled = Pick<CachedCompile, "manifest"> & Partial<CachedCompile>;

async function compileModel(
  model: string,
  options: CompileOptions,
  shell: Shell,
  traces: PassTrace[],
): Promise<Compiled> {
  const request = await requestOf(model, options, shell);
  if (options.buildCache !== undefined) {
    const { compileCached } = await import("../../driver/cache/compile-cached.ts");
    const compiled = await compileCached(await cacheOf(shell, options), request);
    if (compiled.hit) shell.note("the artifact is from the build cache");
    return compiled;
  }
  const { compileFiles } = await import("../../driver/compile.ts");
  return compileFiles({ ...request, observers: await observersOf(options, request, shell, traces) });
}

async function requestOf(model: string, options: CompileOptions, shell: Shell): Promise<CompileRequest> {
  const { parseWeights } = await import("../../driver/weights.ts");
  const { target, precision, opset, onnxOps } = options;
  const calibration = options.calibration === undefined ? undefined : await calibrationOf(options.calibration);
  return {
    target,
    precision,
    calibration,
    opset,
    onnxOps,
    ...lowerRequestOf(model, options),
    ...hubAccessOf(shell, options),
    out: options.out,
    weights: parseWeights(options.weights),
    maxError: options.maxError,
    layout: options.layout,
    sizes: options.sizes,
    tiles: await tilesOf(options.tuning),
    ...passRequestOf(options),
  };
}

/** The tiles of a tuning file. */
async function tilesOf(file: string | undefined): Promise<Readonly<Record<string, Tile>> | undefined> {
  if (file === undefined) return undefined;
  const { readTuning, tilesIn } = await import("../../driver/tuning.ts");
  return tilesIn(readTuning(file));
}

async function calibrationOf(file: string): Promise<CalibrationFile> {
  const { readCalibration } = await import("../../driver/calibrate/read-calibration.ts");
  return readCalibration(file);
}

/** Times every pass, and prints the graph after those that were asked for. */
async function observersOf(
  options: CompileOptions,
  forms: FormRequest,
  shell: Shell,
  traces: PassTrace[],
): Promise<Observer[]> {
  const { printing, tracing } = await import("../../driver/pass-observers.ts");
  const { defaultLevel, pipelineName, pipelineOf } = await import("../../driver/pipeline.ts");
  const { optimization = defaultLevel, passes } = passRequestOf(options);
  const pipeline = pipelineOf(optimization, passes, forms);
  const print = (text: string): void => shell.log(text.trimEnd());
  const owner = pipelineName(optimization, passes);
  if (pipeline.length === 0 && options.printIrAfter !== undefined)
    shell.note("--print-ir-after prints nothing: no passes run");
  return [tracing(traces), printing(options.printIrAfter ?? [], pipeline, { owner, print })];
}

/** The certificate that is kept with the artifact, or that of a verification now, which then is. */
async function certified(
  model: string,
  { manifest: { source }, key, certificate: kept }: Compiled,
  options: CompileOptions,
  shell: Shell,
): Promise<Certificate> {
  const { verify } = await import("../../driver/verify.ts");
  const certificate =
    kept ??
    (await verify(options.out, {
      model: source.model === null ? model : undefined,
      weights: source.weights.kind === "file" ? options.weights : undefined,
      calibration: options.calibration,
      ...hubAccessOf(shell, options),
    }));
  if (kept === undefined && key !== undefined && certificate.passed) {
    const { storeCertificate } = await import("../../driver/cache/store.ts");
    await storeCertificate(await cacheOf(shell, options), key, options.out);
  }
  if (options.json !== true) shell.print(["", ...certificateLines(certificate, shell.colors)].join("\n"));
  return certificate;
}

const macsText = (before: number, after: number): string =>
  quantity(before) === quantity(after) ? quantity(after) : `${quantity(after)} (${quantity(before)} before the passes)`;

const targetFacts = (target: Manifest["target"]): [string, string][] =>
  "opset" in target
    ? [["opset", String(target.opset)]]
    : [
        ["target", `${target.name}, ${target.precision}`],
        ["kernels", `${target.dispatches} a run, ${target.kernels} different`],
        ["memory", `${byteQuantity(target.arena_bytes)} beside the weights`],
      ];

/** The graphs of several sizes; what is above them is of the first. */
function sizeTable(sizes: readonly ManifestSize[], colors: Shell["colors"]): string[] {
  const [head = "", ...rows] = table(
    [{ title: "size" }, { title: "MACs", align: "right" }, { title: "outputs" }],
    sizes.map(({ height, width, macs, macs_optimized, outputs }) => [
      sizeName([height, width]),
      macsText(macs, macs_optimized),
      outputs.map(({ name, shape }) => `${name} ${shapeText(shape)}`).join(", "),
    ]),
  );
  return [colors.bold(head), ...rows];
}

function describe(manifest: Manifest, folder: string, { colors }: Shell): string {
  const { source, params, macs, macs_optimized, outputs, files, target } = manifest;
  const name = source.tag === "" ? source.architecture : `${source.architecture}.${source.tag}`;
  const sizes = table(
    [{ title: "file" }, { title: "size", align: "right" }],
    files.map((f) => [f.path, byteQuantity(f.bytes)]),
  );
  return [
    colors.bold(name),
    ...facts([
      ["parameters", `${quantity(params)}, of the whole network`],
      ["MACs", `${macsText(macs, macs_optimized)}, per image up to the outputs below`],
      ...targetFacts(target),
    ]),
    "",
    ...outputTable(outputs, colors),
    ...("sizes" in target && target.sizes !== undefined ? ["", ...sizeTable(target.sizes, colors)] : []),
    "",
    ...sizes,
    "",
    `artifact: ${folder}`,
  ].join("\n");
}
