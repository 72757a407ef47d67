import type { WeightsChoice } from "../weights.ts";
import type { CommandData } from "./page-data.ts";
import type { PageRequest } from "./page-request.ts";

/** `--arg KEY=VALUE`, so that reading the value as JSON, or else as text, gives it back. */
const keyValues = (flag: string, values: Readonly<Record<string, unknown>> | undefined): string[] =>
  Object.entries(values ?? {}).flatMap(([key, value]) => [flag, `${key}=${valueText(value)}`]);

function valueText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  try {
    JSON.parse(value);
    return JSON.stringify(value);
  } catch {
    return value;
  }
}

const weightsText = (weights: WeightsChoice): string => (typeof weights === "string" ? weights : weights.file);

/** A field of a request that is not as it is by itself, and the words that say it. */
type Said = readonly [field: keyof PageRequest, value: unknown, words: readonly string[]];

/** How `compile` is asked for the same model as this page; the taps and the folder are the reader's to choose. */
export function commandData(request: PageRequest, architecture: string): CommandData {
  const said = saidOf(request);
  return {
    words: said.flatMap(([, , words]) => words),
    request: Object.fromEntries(said),
    out: `${architecture}-taps`,
  };
}

function saidOf(request: PageRequest): Said[] {
  const { model, args, cfg, inputSize, batch, dynamicSize, tapFormat, weights, optimization, passes } = request;
  /** A field whose value `given` says something; a value that goes without saying is undefined. */
  const say = <T>(field: keyof PageRequest, given: T | undefined, words: (value: T) => readonly string[]): Said[] =>
    given === undefined ? [] : [[field, given, words(given)]];
  const option = (field: "target" | "precision" | "opset" | "onnxOps" | "cacheDir", name: string): Said[] =>
    say(field, request[field], (value) => [name, String(value)]);
  const flag = (field: "useTestSize" | "tapNorm" | "softmax" | "preprocess", name: string): Said[] =>
    say(field, request[field] === true ? true : undefined, () => [name]);
  return [
    ...say("model", model, (name) => [name]),
    ...say("args", unlessEmpty(args), (values) => keyValues("--arg", values)),
    ...say("cfg", unlessEmpty(cfg), (values) => keyValues("--cfg", values)),
    ...say("inputSize", inputSize, (size) => ["--input-size", size.join(",")]),
    ...flag("useTestSize", "--use-test-size"),
    ...say("tapFormat", tapFormat === "native" ? undefined : tapFormat, (format) => ["--tap-format", format]),
    ...flag("tapNorm", "--tap-norm"),
    ...flag("softmax", "--softmax"),
    ...say("batch", batch === "dynamic" ? undefined : batch, (n) => ["--batch", String(n)]),
    ...say("dynamicSize", dynamicSize, (of) => ["--dynamic-size", ...(of === true ? [] : [String(of)])]),
    ...flag("preprocess", "--preprocess"),
    ...say("weights", weights === "pretrained" ? undefined : weights, (w) => ["--weights", weightsText(w)]),
    ...say("optimization", optimization, (level) => [`-${level}`]),
    ...say("passes", passes, (names) => ["--passes", names.join(",") || "none"]),
    ...option("target", "--target"),
    ...option("precision", "--precision"),
    ...option("opset", "--opset"),
    ...option("onnxOps", "--onnx-ops"),
    ...option("cacheDir", "--cache-dir"),
  ];
}

const unlessEmpty = <T extends object>(record: T | undefined): T | undefined =>
  record === undefined || Object.keys(record).length === 0 ? undefined : record;
