import { z } from "zod";
import { supportedOpsets } from "../../backends/onnx/model.ts";
import { precisions } from "../../passes/precision/precision.ts";
import { tapFormats, tapGrammar } from "../../frontend/tap-names.ts";
import { layouts } from "../layout/layout.ts";
import { targetNames } from "../target/names.ts";
import { tilesSchema } from "../tile-schema.ts";
import { maxSizes } from "../sizes.ts";
import { type BuildConfig, type FieldName, type VariantFields, axisOf, fieldNames } from "./variant.ts";

/**
 * The one description of what a build's configuration may hold: it is checked against, and data/build.schema.json is
 * printed from it. Each field takes what a compile request takes.
 */

/** A matrix beyond this is a mistake. */
export const maxVariants = 10_000;

/** Of `include` and of `exclude`. */
const maxEntries = 1000;

const side = z.int().min(1).max(65_535);
const json = z.record(z.string(), z.unknown());
const texts = z.array(z.string().min(1).max(1000)).max(1000);
const path = z.string().min(1).max(4096);

/** What each field takes, with a description that says it to people. */
export const fieldSchemas = {
  model: z
    .string()
    .min(1)
    .max(4200)
    .describe("the name of a model, such as resnet50, hf-hub:ORG/NAME or local-dir:FOLDER"),
  args: json.describe("an object of timm's arguments"),
  cfg: json.describe("an object of fields of the pretrained configuration"),
  inputSize: z
    .union([z.enum(["default", "test"]), side, z.tuple([side, side]), z.tuple([z.int().min(1).max(1024), side, side])])
    .describe('"default", "test", a side in pixels, [height, width] or [channels, height, width]'),
  target: z.enum(targetNames).describe(`one of ${targetNames.join(", ")}`),
  precision: z.enum(precisions).describe(`one of ${precisions.join(", ")}`),
  calibration: z
    .union([path, z.strictObject({ images: path })])
    .describe("the path of a calibration file, or { images: FOLDER }"),
  dynamicSize: z
    .union([z.literal(true), z.int().min(1).max(65_535)])
    .describe("true, or the number that height and width are multiples of"),
  sizes: z
    .array(z.tuple([side, side]))
    .min(1)
    .max(maxSizes)
    .describe("a list of [height, width]: a graph for each over one weight file"),
  maxError: z.number().positive().describe("a number above 0"),
  taps: texts.min(1).describe(`a list of the names of taps: ${tapGrammar}`),
  tapFormat: z.enum(tapFormats).describe(`one of ${tapFormats.join(", ")}`),
  tapNorm: z.boolean().describe("true or false"),
  softmax: z.boolean().describe("true or false"),
  preprocess: z.boolean().describe("true or false"),
  batch: z.union([z.literal("dynamic"), z.int().min(1)]).describe('"dynamic" or an integer of at least 1'),
  opset: z.literal([...supportedOpsets]).describe(`an integer from ${supportedOpsets[0]} to ${supportedOpsets.at(-1)}`),
  onnxOps: z.enum(["standard", "ort"]).describe("one of standard, ort"),
  layout: z.enum(layouts).describe(`one of ${layouts.join(", ")}`),
  weights: z
    .union([z.enum(["pretrained", "synthetic", "none"]), z.strictObject({ file: path })])
    .describe('"pretrained", "synthetic", "none" or { file: "PATH" }'),
  optimization: z.enum(["O0", "O1", "O2"]).describe("one of O0, O1, O2"),
  passes: texts.describe("a list of the names of passes"),
  tiles: tilesSchema.describe("an object of tiles by the shapes of kernels"),
} satisfies { readonly [K in FieldName]: z.ZodType<NonNullable<VariantFields[K]>> };

/** A list of sides is a list, though a pair of them would be a size too. */
const valueAlone = (field: FieldName): z.ZodType =>
  field === "inputSize" ? z.union([z.enum(["default", "test"]), side]) : fieldSchemas[field];

const axis = (field: FieldName): z.ZodType =>
  z
    .union([valueAlone(field), z.array(fieldSchemas[field]).min(1).max(maxVariants)])
    .describe(`a list is an axis of the matrix, one value holds for every variant: ${fieldSchemas[field].description}`);

const entry = z.strictObject(
  Object.fromEntries(fieldNames.map((field): [string, z.ZodType] => [field, fieldSchemas[field].optional()])),
);

const entries = (what: string) => z.array(entry).max(maxEntries).optional().describe(what);

export const configSchema = z
  .strictObject({
    $schema: z.string().optional(),
    ...Object.fromEntries(fieldNames.map((field): [string, z.ZodType] => [axisOf[field], axis(field).optional()])),
    models: axis("model"),
    include: entries(
      "each adds its fields to the variants whose axes have its values, or is a variant of its own where there are none",
    ),
    exclude: entries("variants that have all the values of one of these are left out; model may be a glob"),
  })
  .describe("the variants that timmc build compiles: all combinations of the axes");

/** What is wrong with a value, at its first place; undefined where nothing is. */
export function configIssue(value: unknown): z.core.$ZodIssue | undefined {
  return configSchema.safeParse(value).error?.issues[0];
}

/** Whether a value is a configuration. */
export const isConfig = (value: unknown): value is BuildConfig => configSchema.safeParse(value).success;
