import { resolve } from "node:path";
import { readLocalDir } from "../../frontend/local-dir.ts";
import { parseReference } from "../../frontend/reference.ts";
import { pretrainedCfg } from "../../frontend/registry.ts";
import { TimmcError } from "../../ir/error.ts";
import type { TargetName } from "../target/names.ts";
import { takesCalibration } from "./calibration.ts";
import type { FieldName, SizeChoice, VariantFields } from "./variant.ts";

/** Fields that only some targets have. */
const targetsOf: { readonly [K in FieldName]?: readonly TargetName[] } = {
  opset: ["onnx"],
  onnxOps: ["onnx"],
  layout: ["onnx"],
  tiles: ["webgpu"],
};

/** Whether a target has a field at all. */
export const hasField = (target: TargetName, field: FieldName): boolean => targetsOf[field]?.includes(target) ?? true;

/** What a variant becomes when that which makes no difference to it is taken away. */
interface Normal {
  readonly fields: VariantFields;
  /** What its target has no place for. */
  readonly dropped: readonly string[];
}

/**
 * The normal form of a variant's fields: what its target has no place for is dropped, what equals the default is left out
 * or, where a reader wants to know it, filled in, and a size is written as the network takes it. Variants of one normal
 * form are one.
 */
export function normalize(fields: VariantFields, folder: string): Normal {
  const target = fields.target ?? "onnx";
  const dropped: string[] = [];
  const kept = Object.entries(fields).filter(([name, value]) => {
    if (value === undefined || isDefault(name, value, target)) return false;
    const why = misplaced(name as FieldName, value, { ...fields, target });
    if (why !== undefined) dropped.push(why);
    return why === undefined;
  });
  const given: VariantFields = { ...(Object.fromEntries(kept) as unknown as VariantFields), model: fields.model };
  return { fields: { ...defaultsOf(target), ...given, inputSize: sized(given, folder), target }, dropped };
}

const defaultsOf = (target: TargetName) =>
  ({
    precision: "fp32",
    weights: "pretrained",
    optimization: "O2",
    ...(target === "onnx" && ({ opset: 17, onnxOps: "standard", layout: "plain" } as const)),
  }) as const satisfies Partial<VariantFields>;

/** Why a variant goes without a value: its target has none of the kind. Undefined where it stays. */
function misplaced(
  name: FieldName,
  value: unknown,
  fields: VariantFields & { target: TargetName },
): string | undefined {
  const { target, precision = "fp32" } = fields;
  if (!hasField(target, name)) return `the target ${target} has no ${name}`;
  if (name === "batch" && value === "dynamic" && target !== "onnx") return `the target ${target} has no dynamic batch`;
  if (name === "calibration" && !takesCalibration(fields)) return `${precision} for ${target} reads no calibration`;
  return undefined;
}

/** Values that say nothing: without them the request is the same. */
function isDefault(name: string, value: unknown, target: TargetName): boolean {
  if (name === "batch") return value === (target === "onnx" ? "dynamic" : 1);
  if (name === "tapFormat") return value === "native";
  if (name === "args" || name === "cfg") return Object.keys(Object(value)).length === 0;
  return value === false;
}

/** A size with its channels: those of in_chans, else the model's own. */
function sized({ model, inputSize = "default", args, cfg }: VariantFields, folder: string): SizeChoice {
  const [height, width] = sidesOf(inputSize) ?? [];
  if (height === undefined || width === undefined) return inputSize;
  const channels = args?.["in_chans"];
  if (typeof channels === "number") return [channels, height, width];
  const overlay = cfg?.["input_size"];
  if (Array.isArray(overlay) && typeof overlay[0] === "number") return [overlay[0], height, width];
  return [ownChannels(model, folder), height, width];
}

/** Of a size without channels its height and width. */
function sidesOf(size: SizeChoice): readonly [number, number] | undefined {
  if (typeof size === "number") return [size, size];
  return typeof size === "string" || size.length === 3 ? undefined : size;
}

/** What the pretrained configuration says; a folder that cannot be read fails when its variants are compiled. */
function ownChannels(model: string, folder: string): number {
  const reference = parseReference(model);
  switch (reference.kind) {
    case "timm":
      return pretrainedCfg(reference.architecture, reference.tag ?? "").input_size[0];
    case "local-dir":
      try {
        return readLocalDir(resolve(folder, reference.path)).pretrainedCfg.input_size[0];
      } catch (error) {
        if (error instanceof TimmcError) return 3;
        throw error;
      }
    case "hf-hub":
      throw new TimmcError("config", "how many channels the model takes is known to the Hub alone", {
        trail: ["inputSizes", model],
        hint: "Write the size with its channels, such as [3, 256, 256].",
      });
    default:
      return reference satisfies never;
  }
}
