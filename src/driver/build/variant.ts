import type { HubAccess } from "../../frontend/hub/model.ts";
import type { CompileRequest } from "../compile.ts";

/** Keys of a compile request that do not say what is compiled, and the one that an input size stands for. */
type Outside = keyof HubAccess | "out" | "observers" | "pinned" | "useTestSize";

/** A picture's size: the model's own, that of its test configuration, a square's side, height and width, or all three. */
export type SizeChoice =
  | "default"
  | "test"
  | number
  | readonly [height: number, width: number]
  | readonly [channels: number, height: number, width: number];

/** What a precision is calibrated by: a file that `timmc calibrate` wrote, or a folder of pictures for each model to be run on. */
export type CalibrationChoice = string | { readonly images: string };

/** What a variant is made of: the keys of a compile request, with two of them as a configuration says them. */
export type VariantFields = Omit<CompileRequest, Outside | "inputSize" | "calibration"> & {
  readonly inputSize?: SizeChoice | undefined;
  readonly calibration?: CalibrationChoice | undefined;
};

export type FieldName = keyof VariantFields;

/** The key of a configuration whose values a field takes; in the order in which names are made of them. */
export const axisOf = {
  model: "models",
  args: "args",
  cfg: "cfg",
  inputSize: "inputSizes",
  target: "targets",
  precision: "precisions",
  calibration: "calibration",
  maxError: "maxErrors",
  dynamicSize: "dynamicSizes",
  sizes: "sizes",
  taps: "taps",
  tapFormat: "tapFormats",
  tapNorm: "tapNorm",
  softmax: "softmax",
  preprocess: "preprocess",
  batch: "batch",
  opset: "opsets",
  onnxOps: "onnxOps",
  layout: "layouts",
  weights: "weights",
  optimization: "optimizations",
  passes: "passes",
  tiles: "tiles",
} as const satisfies { readonly [K in FieldName]: string };

export const fieldNames = Object.keys(axisOf) as readonly FieldName[];

type OneOrMore<T> = T | readonly T[];

/** The axes of a matrix: a list is an axis, one value holds for every variant. */
type Axes = { readonly [K in FieldName as (typeof axisOf)[K]]?: OneOrMore<NonNullable<VariantFields[K]>> | undefined };

/** A variant, or a part of one. */
export type PartialFields = Partial<VariantFields>;

/** What timmc.config.ts exports: which variants there are. */
export interface BuildConfig extends Axes {
  readonly $schema?: string | undefined;
  /** References of models, and globs over architectures and pretrained tags as `timmc list` takes them. */
  readonly models: OneOrMore<string>;
  /** Fields for the variants whose values of the axes are those, or else a variant of its own. */
  readonly include?: readonly PartialFields[] | undefined;
  /** Variants with all of these values are left out; `model` may be a glob. */
  readonly exclude?: readonly PartialFields[] | undefined;
}

/** Gives a configuration back; it is here for its type: `export default defineConfig({ models: ["resnet50"] })`. */
export const defineConfig = (config: BuildConfig): BuildConfig => config;

/** One artifact of a build. */
export interface Variant {
  /** Its folder below the output folder, with a forward slash: unique, and legal on every file system. */
  readonly name: string;
  /** What it is made of; paths as the configuration has them, relative to its folder. Defaults are filled in. */
  readonly fields: VariantFields;
}

/** A combination of the matrix that is no variant, and why. */
export interface LeftOut {
  readonly fields: VariantFields;
  readonly why: "excluded" | "merged";
  /** In words: the entry that excluded it, or what it is the same as once what its target lacks is dropped. */
  readonly reason: string;
}

/** What a configuration stands for. */
export interface Expansion {
  /** In the order of the matrix, included ones last. */
  readonly variants: readonly Variant[];
  readonly leftOut: readonly LeftOut[];
  /** Fields in which variants differ, which their names are made of. */
  readonly varying: readonly FieldName[];
  /** What the user should know, such as an entry that matches nothing. */
  readonly notices: readonly string[];
}
