import type { WeightsChoice } from "../weights.ts";
import type { CommandData } from "./page-data.ts";
import type { PageRequest } from "./graph-page.ts";

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

/** How `compile` is asked for the same model as this page; the taps and the folder are the reader's to choose. */
export function commandData(request: PageRequest, architecture: string): CommandData {
  const { model, args, cfg, inputSize, useTestSize, tapFormat, tapNorm, softmax, batch, preprocess } = request;
  const { weights = "pretrained", optimization, passes, opset, onnxOps, cacheDir } = request;
  const option = (flag: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [flag, String(value)];
  const flag = (name: string, given: boolean | undefined): string[] => (given === true ? [name] : []);
  const words = [
    model,
    ...keyValues("--arg", args),
    ...keyValues("--cfg", cfg),
    ...option("--input-size", inputSize?.join(",")),
    ...flag("--use-test-size", useTestSize),
    ...option("--tap-format", tapFormat === "native" ? undefined : tapFormat),
    ...flag("--tap-norm", tapNorm),
    ...flag("--softmax", softmax),
    ...option("--batch", batch === "dynamic" ? undefined : batch),
    ...flag("--preprocess", preprocess),
    ...option("--weights", weights === "pretrained" ? undefined : weightsText(weights)),
    ...(optimization === undefined ? [] : [`-${optimization}`]),
    ...option("--passes", passes === undefined ? undefined : passes.join(",") || "none"),
    ...option("--opset", opset),
    ...option("--onnx-ops", onnxOps),
    ...option("--cache-dir", cacheDir),
  ];
  const given = {
    model,
    args: isEmpty(args) ? undefined : args,
    cfg: isEmpty(cfg) ? undefined : cfg,
    inputSize,
    useTestSize: useTestSize === true ? true : undefined,
    tapFormat: tapFormat === "native" ? undefined : tapFormat,
    tapNorm: tapNorm === true ? true : undefined,
    softmax: softmax === true ? true : undefined,
    batch: batch === "dynamic" ? undefined : batch,
    preprocess: preprocess === true ? true : undefined,
    weights: weights === "pretrained" ? undefined : weights,
    optimization,
    passes,
    opset,
    onnxOps,
    cacheDir,
  };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  return { words, request: Object.fromEntries(known), out: `${architecture}-taps` };
}

const isEmpty = (record: Readonly<Record<string, unknown>> | undefined): boolean =>
  Object.keys(record ?? {}).length === 0;
