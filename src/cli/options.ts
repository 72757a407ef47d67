import { type Command, InvalidArgumentError, Option } from "commander";
import type { BuildCache } from "../driver/cache/folder.ts";
import type { FormRequest } from "../driver/forms.ts";
import type { DynamicSize } from "../driver/dynamic-size.ts";
import type { LowerRequest } from "../driver/lower-request.ts";
import type { OnnxOps } from "../driver/manifest.ts";
import { type Size, parseSize } from "../driver/sizes.ts";
import { precisions } from "../passes/precision/precision.ts";
import { targetNames } from "../driver/target/names.ts";
import type { InputSize } from "../frontend/pretrained-cfg.ts";
import type { HubAccess } from "../frontend/hub/model.ts";
import type { ModelRequest } from "../frontend/resolve.ts";
import { type TapFormat, tapFormats, tapGrammar } from "../frontend/tap-names.ts";
import type { OptimizationLevel } from "../passes/presets.ts";
import { positiveInteger } from "./numbers.ts";
import type { Shell } from "./shell.ts";

type KeyValues = Readonly<Record<string, unknown>>;

/** What commander gives for the options of `withModelOptions`. */
export interface ModelOptions {
  readonly arg: KeyValues;
  readonly cfg: KeyValues;
  readonly inputSize?: InputSize;
  readonly useTestSize?: boolean;
  readonly cacheDir?: string;
}

/** What commander gives for the options of `withGraphOptions`. */
export interface GraphOptions extends ModelOptions {
  readonly batch?: number | "dynamic";
  readonly taps?: readonly string[];
  readonly tapFormat: TapFormat;
  readonly tapNorm?: boolean;
  readonly softmax?: boolean;
  readonly weights: string;
  readonly preprocess?: boolean;
  readonly dynamicSize?: DynamicSize;
}

/** What MODEL means, for the help of every command that takes one. */
export const modelArgument = "ARCH, ARCH.TAG, hf-hub:ORG/NAME[@REVISION] or local-dir:FOLDER";

/** The contract's switch: one document on stdout and nothing else there. */
export const jsonOption = (what: string): Option => new Option("--json", `print ${what} as JSON, and nothing else`);

/** JSON, or the text itself where it is not JSON. */
const jsonOrText = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

/** Collects repeated KEY=VALUE. */
function keyValue(text: string, before: KeyValues): KeyValues {
  const at = text.indexOf("=");
  if (at <= 0) throw new InvalidArgumentError("It must be KEY=VALUE.");
  return { ...before, [text.slice(0, at)]: jsonOrText(text.slice(at + 1)) };
}

function inputSize(text: string): InputSize {
  const [c, h, w, ...rest] = text.split(",").map((part) => positiveInteger(part.trim()));
  if (c === undefined || h === undefined || w === undefined || rest.length > 0)
    throw new InvalidArgumentError("It must be C,H,W, such as 3,224,224.");
  return [c, h, w];
}

/** `32` or `multiple=32`. */
function multipleOf(text: string): number {
  const multiple = positiveInteger(text.replace(/^multiple=/, ""));
  if (multiple === undefined)
    throw new InvalidArgumentError("It must be a positive integer, such as 32; MODEL stands before it.");
  return multiple;
}

/** One size, of a square by its side. */
export function imageSize(text: string): Size {
  const size = parseSize(text.trim());
  if (size === undefined) throw new InvalidArgumentError("It must be HEIGHTxWIDTH, such as 224x224, or one side.");
  return size;
}

/** Several, comma separated; given again, it adds to the list. */
export function sizeList(text: string, before: readonly Size[] = []): readonly Size[] {
  return [...before, ...commaList(text).map(imageSize)];
}

function batchSize(text: string): number | "dynamic" {
  const batch = text === "dynamic" ? text : positiveInteger(text);
  if (batch === undefined) throw new InvalidArgumentError("It must be a positive integer or dynamic.");
  return batch;
}

/** A comma separated list; given again, it adds to the list. */
export function commaList(text: string, before: readonly string[] = []): readonly string[] {
  const entries = text.split(",").map((part) => part.trim());
  const empty = entries.indexOf("");
  if (empty >= 0) throw new InvalidArgumentError(`Entry ${empty + 1} of ${entries.length} is empty.`);
  return [...before, ...entries];
}

/** The names of passes; `none` is the empty list, and stands alone. */
function passList(text: string, before?: readonly string[]): readonly string[] {
  const names = commaList(text, before);
  if (names.length > 1 && names.includes("none")) throw new InvalidArgumentError("none stands alone.");
  return names;
}

/** What commander gives for the options of `withPassOptions`. */
export interface PassOptions {
  readonly O?: "0" | "1" | "2";
  readonly passes?: readonly string[];
}

/** The options that say which passes rewrite a graph. */
export const withPassOptions = (
  command: Command,
  { group, level }: { readonly group: string; readonly level: Option },
): Command =>
  command
    .addOption(level.choices(["0", "1", "2"]).helpGroup(group))
    .addOption(
      new Option(
        "--passes <LIST>",
        "these passes in this order in place of the level's, comma separated, repeatable; or none",
      )
        .argParser(passList)
        .helpGroup(group),
    );

/** Says so where a level was given beside passes, which take its place. */
export function noteLevel(command: Command, { O, passes }: PassOptions, note: (text: string) => void): void {
  if (passes !== undefined && command.getOptionValueSource("O") === "cli")
    note(`-O${O} has no effect: --passes takes the place of the level's passes`);
}

/** The same as a request has it. */
export const passRequestOf = ({
  O,
  passes,
}: PassOptions): {
  readonly optimization: OptimizationLevel | undefined;
  readonly passes: readonly string[] | undefined;
} => ({
  optimization: O === undefined ? undefined : `O${O}`,
  passes: passes?.[0] === "none" ? [] : passes,
});

/** What commander gives for `targetOption`, `opsetOption` and `onnxOpsOption`. */
export type FormOptions = Pick<FormRequest, "target" | "opset" | "onnxOps">;

/** What a model is compiled to. */
export const targetOption = (what: string): Option =>
  new Option("--target <NAME>", `${what}: ONNX, or kernels for WebGPU or CUDA (default: onnx)`).choices(targetNames);

/** What numbers are kept in; `when` begins the description. */
export const precisionOption = (when = ""): Option =>
  new Option(
    "--precision <TYPE>",
    `${when}what numbers are kept in: int8 needs a calibration; kernels take fp32 and fp16 (default: fp32)`,
  ).choices(precisions);

/** What `timmc calibrate` measured of pictures. */
export const calibrationOption = (): Option =>
  new Option(
    "--calibration <FILE>",
    "ranges and check pictures, from timmc calibrate: for int8; fp16 without one goes by structure, and is checked on synthetic inputs",
  );

/** Which operator sets there are is the backend's to say, when the command runs: the help does without it. */
const operatorSet = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
};

/** The ONNX version of an artifact; `when` begins the description. */
export const opsetOption = (when = ""): Option =>
  new Option("--opset <N>", `${when}ONNX operator set, 17 where this is not given (18 with --dynamic-size)`).argParser(
    operatorSet,
  );

/** Whose operators an artifact may have. */
export const onnxOpsOption = (when = ""): Option =>
  new Option(
    "--onnx-ops <SET>",
    `${when}ONNX's standard operators, unless ort: ONNX Runtime's own where they are faster`,
  ).choices(["standard", "ort"] satisfies OnnxOps[]);

/** Where downloads lie; HF_HUB_CACHE, HF_HOME and the other variables of huggingface_hub say so otherwise. */
export const cacheDirOption = (): Option =>
  new Option("--cache-dir <DIR>", "the Hub cache that downloads go to, in place of the environment's");

/** Where compiled artifacts are kept. */
export const buildCacheOption = (what = "the build cache's folder, in place of TIMMC_CACHE"): Option =>
  new Option("--build-cache <DIR>", what);

/** The build cache of a command. */
export async function cacheOf(
  { note }: Shell,
  { buildCache: folder }: { readonly buildCache?: string | undefined },
): Promise<BuildCache> {
  const { buildCache } = await import("../driver/cache/folder.ts");
  return buildCache({ folder, note });
}

/** How a command reaches the Hub. */
export const hubAccessOf = (
  { signal, status, note }: Shell,
  { cacheDir }: { readonly cacheDir?: string },
): HubAccess => ({ signal, progress: status, note, cacheDir });

const modelGroup = "Model:";

/** The options that say which model is meant. */
export const withModelOptions = (command: Command): Command =>
  command
    .addOption(
      new Option("--arg <KEY=VALUE>", "a timm argument, repeatable; VALUE is JSON, or else a string")
        .argParser(keyValue)
        .default({}, "none")
        .helpGroup(modelGroup),
    )
    .addOption(new Option("--input-size <C,H,W>", "shape of the input").argParser(inputSize).helpGroup(modelGroup))
    .addOption(
      new Option("--use-test-size", "take the pretrained configuration's test size")
        .conflicts("inputSize")
        .helpGroup(modelGroup),
    )
    .addOption(
      new Option("--cfg <KEY=VALUE>", "replace a field of the pretrained configuration, repeatable")
        .argParser(keyValue)
        .default({}, "none")
        .helpGroup(modelGroup),
    )
    .addOption(cacheDirOption().helpGroup(modelGroup));

/** The options that say what becomes of it as a graph. */
export const withGraphOptions = (command: Command): Command =>
  withModelOptions(command)
    .addOption(
      new Option("--taps <LIST>", `outputs, comma separated: ${tapGrammar} (default: logits)`)
        .argParser(commaList)
        .helpGroup(modelGroup),
    )
    .addOption(
      new Option("--tap-format <FORMAT>", "axes of features: as the network has them, or one order for all")
        .choices(tapFormats)
        .default("native")
        .helpGroup(modelGroup),
    )
    .addOption(
      new Option("--tap-norm", "features after the network's final norm, where it is one of the stage").helpGroup(
        modelGroup,
      ),
    )
    .addOption(new Option("--softmax", "logits as probabilities").helpGroup(modelGroup))
    .addOption(
      new Option("--batch <N>", "a fixed batch size, or dynamic (default: dynamic; 1 for the targets webgpu and cuda)")
        .argParser(batchSize)
        .helpGroup(modelGroup),
    )
    .addOption(
      new Option(
        "--dynamic-size [MULTIPLE]",
        "leave height and width open: every multiple of this number, or of the smallest that the network takes; for the target onnx",
      )
        .argParser(multipleOf)
        .helpGroup(modelGroup),
    )
    .addOption(
      new Option(
        "--preprocess",
        "take pixels, uint8 N x H x W x C at the network's size, and normalise them inside; not for the target cuda",
      ).helpGroup(modelGroup),
    )
    .addOption(
      new Option(
        "--weights <WHAT>",
        "pretrained, synthetic, none or a file (.safetensors, .pth, .bin, .npz); inspect reads none of them",
      )
        .default("pretrained")
        .helpGroup(modelGroup),
    );

/** timm's arguments that its own scripts have as options. */
const timmOptions = [
  "num_classes",
  "img_size",
  "in_chans",
  "features_only",
  "out_indices",
  "output_stride",
  "global_pool",
];

/** Behind the message of an unknown option that is an argument of timm's: how it is given here. Else nothing. */
export function argumentHint(command: Command, message: string): string {
  const name = /unknown option '--([\w-]+)/.exec(message)?.[1]?.replaceAll("-", "_");
  const takesArguments = command.options.some(({ long }) => long === "--arg");
  if (name === undefined || !takesArguments || !timmOptions.includes(name)) return "";
  return `\n  timm's arguments are given by their own names: --arg ${name}=VALUE`;
}

export const modelRequestOf = (model: string, o: ModelOptions): ModelRequest => ({
  model,
  args: o.arg,
  cfg: Object.keys(o.cfg).length > 0 ? o.cfg : undefined,
  inputSize: o.inputSize,
  useTestSize: o.useTestSize,
});

export const lowerRequestOf = (model: string, o: GraphOptions): LowerRequest => ({
  ...modelRequestOf(model, o),
  taps: o.taps,
  tapFormat: o.tapFormat,
  tapNorm: o.tapNorm,
  softmax: o.softmax,
  batch: o.batch,
  preprocess: o.preprocess,
  dynamicSize: o.dynamicSize,
});
