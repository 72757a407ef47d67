import { Command, InvalidArgumentError, Option } from "commander";
import type { CalibrateReport } from "../../driver/calibrate/calibrate.ts";
import {
  type CalibratedPrecision,
  type Method,
  calibratedPrecisions,
  defaultMethod,
  defaultPercentile,
  methods,
} from "../../driver/calibrate/method.ts";
import { positiveNumber } from "../numbers.ts";
import {
  type FormOptions,
  type GraphOptions,
  type PassOptions,
  jsonOption,
  lowerRequestOf,
  modelArgument,
  noteLevel,
  onnxOpsOption,
  opsetOption,
  passRequestOf,
  withGraphOptions,
  withPassOptions,
} from "../options.ts";
import type { Shell } from "../shell.ts";
import { facts } from "../table.ts";
import { byteQuantity, quantity } from "../units.ts";

interface CalibrateOptions extends GraphOptions, PassOptions, Pick<FormOptions, "opset" | "onnxOps"> {
  readonly out: string;
  readonly precision: CalibratedPrecision;
  readonly method: Method;
  readonly percentile?: number;
  readonly samples?: number;
  readonly json?: boolean;
}

const measuring = "Calibration:";
const level = (): Option => new Option("-O <LEVEL>", "the level of the graph, as in timmc compile").default("2");

const epilogue = `
Every option that changes the graph is given as to timmc compile, which refuses a calibration of another graph.

Examples:
  timmc calibrate resnet50 pictures/ -o resnet50.json
  timmc compile resnet50 -o out --precision int8 --calibration resnet50.json
  timmc calibrate vit_small_patch16_224 pictures/ -o vit.json --samples 200 --method entropy`;

export const calibrateCommand = (shell: Shell): Command =>
  withPassOptions(withGraphOptions(new Command("calibrate")), { group: "Optimisation:", level: level() })
    .description("run pictures through a network and write what its numbers were, for compile --calibration")
    .argument("<MODEL>", modelArgument)
    .argument("<PICTURES...>", "pictures, or folders of them; one in five is kept for checking artifacts")
    .addOption(new Option("-o, --out <FILE>", "the calibration file").makeOptionMandatory().helpGroup(measuring))
    .addOption(
      new Option(
        "--precision <TYPE>",
        "what the file is for: int8 also finds the ops that it hurts, which takes longer",
      )
        .choices(calibratedPrecisions)
        .default("int8")
        .helpGroup(measuring),
    )
    .addOption(
      new Option("--method <NAME>", "how the range that 8 bits span is chosen of what was seen")
        .choices(methods)
        .default(defaultMethod)
        .helpGroup(measuring),
    )
    .addOption(
      new Option("--percentile <P>", `with --method percentile, what is inside (default: ${defaultPercentile})`)
        .argParser(percentage)
        .helpGroup(measuring),
    )
    .addOption(
      new Option("--samples <N>", "so many of the pictures, spread evenly (default: all)")
        .argParser(positiveNumber)
        .helpGroup(measuring),
    )
    .addOption(opsetOption().helpGroup(measuring))
    .addOption(onnxOpsOption().helpGroup(measuring))
    .addOption(jsonOption("what was measured"))
    .addHelpText("after", epilogue)
    .action(async (model: string, pictures: string[], options: CalibrateOptions, command: Command) => {
      noteLevel(command, options, shell.note);
      const { calibrate } = await import("../../driver/calibrate/calibrate.ts");
      const { parseWeights } = await import("../../driver/weights.ts");
      const { out, precision, method, percentile, samples, opset, onnxOps, weights, cacheDir, json } = options;
      const report = await calibrate({
        ...lowerRequestOf(model, options),
        ...passRequestOf(options),
        pictures,
        out,
        weights: parseWeights(weights),
        precision,
        method,
        percentile,
        samples,
        opset,
        onnxOps,
        cacheDir,
        signal: shell.signal,
        progress: shell.status,
        note: shell.note,
      });
      report.notices.forEach(shell.note);
      if (json === true) return shell.json(report);
      shell.print(describe(report).join("\n"));
    });

function percentage(text: string): number {
  const number = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : 0;
  if (!(number > 50 && number <= 100)) throw new InvalidArgumentError("It must be above 50, and at most 100.");
  return number;
}

function describe({ file, bytes, ...r }: CalibrateReport): string[] {
  const method = r.percentile === null ? r.method : `${r.method} ${r.percentile}`;
  return facts([
    ["calibration", `${file}, ${byteQuantity(bytes)}`],
    ["pictures", `${quantity(r.images)} for ranges, ${quantity(r.check)} to check artifacts`],
    ["ranges", `${quantity(r.values)} values, by ${method}`],
    ...floatFacts(r.sensitivity),
    ["largest", `${r.largest.magnitude.toPrecision(4)} at ${r.largest.value}`],
  ]);
}

function floatFacts(found: CalibrateReport["sensitivity"]): [string, string][] {
  if (found === null) return [];
  const percent = (share: number): string => `${(100 * share).toPrecision(3)} %`;
  const classes = found.agreement === null ? "" : `, ${percent(found.agreement)} of the first classes stay`;
  return [
    ["int8", `an error of ${percent(found.error)} of an output's spread${classes}`],
    [
      "in float",
      `${quantity(found.left)} of ${quantity(found.parts)} parts, found in ${quantity(found.trials)} trials`,
    ],
  ];
}
