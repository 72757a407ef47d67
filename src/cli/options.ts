import { type Command, InvalidArgumentError, Option } from "commander";
import type { LowerRequest } from "../driver/lower-request.ts";
import { tapGrammar } from "../frontend/taps.ts";

/** What commander gives for the options of `withModelOptions`. */
export interface ModelOptions {
  readonly arg: Readonly<Record<string, unknown>>;
  readonly cfg: Readonly<Record<string, unknown>>;
  readonly inputSize?: readonly [number, number, number];
  readonly useTestSize?: boolean;
  readonly batch?: number | "dynamic";
  readonly taps?: readonly string[];
  readonly weights?: string;
}

/** JSON, or the text itself where it is not JSON. */
const jsonOrText = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};

/** Collects repeated KEY=VALUE. */
function keyValue(text: string, before: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const at = text.indexOf("=");
  if (at <= 0) throw new InvalidArgumentError("It must be KEY=VALUE.");
  return { ...before, [text.slice(0, at)]: jsonOrText(text.slice(at + 1)) };
}

function size(text: string): readonly [number, number, number] {
  const [c = 0, h = 0, w = 0, ...rest] = text.split(",").map(Number);
  if (rest.length > 0 || ![c, h, w].every((n) => Number.isInteger(n) && n > 0))
    throw new InvalidArgumentError("It must be C,H,W, such as 3,224,224.");
  return [c, h, w];
}

function batchSize(text: string): number | "dynamic" {
  if (text === "dynamic") return text;
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError("It must be a positive integer or dynamic.");
  return n;
}

/** The options that inspect and compile share. */
export const withModelOptions = (command: Command): Command =>
  command
    .addOption(
      new Option("--arg <KEY=VALUE>", "a timm argument, repeatable; VALUE is JSON or a string")
        .argParser(keyValue)
        .default({}, "none"),
    )
    .addOption(new Option("--input-size <C,H,W>", "shape of the input tensor").argParser(size))
    .option("--use-test-size", "take the pretrained configuration's test size")
    .addOption(new Option("--batch <N>", "a fixed batch size, or dynamic").argParser(batchSize).default("dynamic"))
    .addOption(
      new Option("--taps <LIST>", `outputs, comma separated: ${tapGrammar}`).argParser((t: string) => t.split(",")),
    )
    .option("--weights <WHAT>", "pretrained, synthetic, none, or a .safetensors file", "pretrained")
    .addOption(
      new Option("--cfg <KEY=VALUE>", "replace a field of the pretrained configuration, repeatable")
        .argParser(keyValue)
        .default({}, "none"),
    );

export const lowerRequestOf = (model: string, o: ModelOptions): LowerRequest => ({
  model,
  args: o.arg,
  cfg: Object.keys(o.cfg).length > 0 ? o.cfg : undefined,
  inputSize: o.inputSize,
  useTestSize: o.useTestSize,
  taps: o.taps,
  batch: o.batch,
});
