import { z } from "zod";
import { cropModes, interpolations } from "../frontend/pretrained-cfg.ts";
import { tapFormats } from "../frontend/tap-names.ts";
import { dtypes } from "../ir/dtype.ts";
import { layouts } from "./layout/layout.ts";
import { manifestVersion } from "./manifest.ts";
import { kernelPrecisions } from "../backends/kernel/precision.ts";
import { reducedPrecisions } from "../passes/precision/precision.ts";
import { maxSizes } from "./sizes.ts";
import { tilesSchema } from "./tile-schema.ts";

/**
 * The one description of manifest.json: the type Manifest is inferred from it, readers check against it, and
 * data/manifest.schema.json is printed from it. Fields beside those that it names are passed over, so that an artifact of a
 * later timmc with more to say is still read; within them nothing is: an unknown part of the request, of the input contract
 * or of an output would change what the rest means. A field that changes its meaning takes a new `manifest_version`.
 */

export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits");

/** Segments of letters that are legal on every system; none is `.` or `..`, none is empty, so nothing leaves the folder. */
export const relativePath = z
  .string()
  .max(500)
  .regex(
    /^(?!\.{1,2}(?:\/|$))[\w.+-]+(?:\/(?!\.{1,2}(?:\/|$))[\w.+-]+)*$/,
    "must be a relative path with forward slashes that stays in the folder",
  )
  .describe("relative to the artifact folder, with forward slashes");

const dtype = z.enum(dtypes);
const shape = z
  .array(z.union([z.int().min(0), z.string().min(1).max(1000)]))
  .max(32)
  .describe("a string is a symbolic dimension: N is the batch, H and W are the sides of the input over a number: 32*H");
const natural = z.int().min(0);
const channelNumbers = z.array(z.number()).min(1).max(65_535);

const file = z.object({ path: relativePath, bytes: natural, sha256 });

const output = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(1000)
    .describe("the tap name, which is also the output's name in the model unless target.names has another"),
  dtype,
  shape,
  module: z.string().nullable().describe("the module whose result this is"),
  channels: natural.nullable(),
  reduction: z.number().nullable().describe("how many input pixels a side of one position covers"),
  format: z.enum(["NCHW", "NHWC", "NLC"]).nullable(),
  norm: z.boolean().nullable().describe("of features: whether the network's final norm is applied"),
  softmax: z.boolean().describe("whether these are probabilities"),
  bytes: natural.nullable().describe("per image; null where the size is not known"),
  macs: natural.describe("multiply-accumulates up to here, unoptimised, per image"),
  params: natural.describe("parameters read up to here"),
});

const input = z
  .strictObject({
    name: z.literal("input"),
    dtype,
    shape,
    layout: z.enum(["NCHW", "NHWC"]),
    normalized: z
      .enum(["inside", "outside"])
      .describe("where mean and std are applied: by the model, which takes the pixels as bytes, or before it"),
    mean: channelNumbers.describe("per channel, on the scale 0..1"),
    std: channelNumbers,
    interpolation: z.enum(interpolations),
    crop_pct: z.number().min(0.01).max(100).describe("the crop's side as a fraction of the resized picture's"),
    crop_mode: z.enum(cropModes),
  })
  .describe("how a picture becomes the input tensor");

const hub = z
  .strictObject({
    id: z.string().min(1).max(200),
    commit: z.string().regex(/^[0-9a-f]{40}$/, "must be a full commit id"),
  })
  .describe("the Hub repository of the weights, and the commit that they are of");

const source = z.strictObject({
  model: z
    .string()
    .nullable()
    .describe(
      "the reference in its normal spelling; a Hub id has its commit; null for a local folder, of which only hashes are kept",
    ),
  architecture: z.string(),
  tag: z.string(),
  family: z.string(),
  weights: z.strictObject({ kind: z.enum(["pretrained", "synthetic", "none", "file"]), sha256: sha256.nullable() }),
  config_sha256: sha256.nullable(),
  calibration_sha256: sha256.optional().describe("of the calibration file, where the precision was chosen by one"),
  hub: hub.nullable(),
});

const json = z.record(z.string(), z.unknown());

const request = z
  .strictObject({
    args: json,
    cfg: json,
    input_size: z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]).describe("channels, height, width"),
    use_test_size: z.boolean(),
    taps: z.array(z.string()).min(1),
    tap_format: z.enum(tapFormats),
    tap_norm: z.boolean(),
    softmax: z.boolean(),
    batch: z.union([z.int().min(1), z.literal("dynamic")]),
    dynamic_size: z
      .int()
      .min(1)
      .max(65_536)
      .optional()
      .describe("of what height and width are multiples, where they are open; input_size is then that of pictures"),
    optimization: z.enum(["O0", "O1", "O2"]),
    passes: z.array(z.string()).nullable().describe("asked for by name, in place of the level's; null is the level's"),
    onnx_ops: z
      .enum(["standard", "ort"])
      .nullable()
      .describe("ONNX's standard operators, or ONNX Runtime's own beside them; null for other targets"),
    max_error: z
      .number()
      .positive()
      .optional()
      .describe("of a precision below float32, where the user said how much error it may have"),
  })
  .describe("the constructor arguments by timm's names, and what else the user chose");

const graph = z
  .strictObject({
    nodes: z
      .object({ before: natural, after: natural })
      .describe("values of the typed graph that run, before and after the passes"),
    onnx_nodes: natural.nullable().describe("null for other targets"),
    weight_bytes: z
      .object({ before: natural, after: natural })
      .describe("of the parameters and buffers that the outputs need, and of what the artifact stores"),
  })
  .describe("what the passes made of the network");

const side = z.int().min(1);

const size = z
  .strictObject({
    model: relativePath,
    height: side,
    width: side,
    outputs: z.array(output).min(1),
    params: natural,
    macs: natural,
    macs_optimized: natural,
    graph,
  })
  .describe("the graph of one size: the fields are those that the manifest has of the first");

const onnx = z.strictObject({
  name: z.literal("onnx"),
  model: relativePath,
  opset: z.int().min(1).max(1000),
  layout: z.enum(layouts).describe("whose folder this is: timmc's own, or one that transformers.js loads"),
  names: z
    .record(z.string(), z.string().min(1).max(1000))
    .describe("names in the model of the input and of outputs, where they are not those of the taps"),
  precision: z
    .enum(reducedPrecisions)
    .optional()
    .describe("what numbers are kept in between input and outputs, where that is not float32"),
  sizes: z
    .array(size)
    .min(1)
    .max(maxSizes)
    .optional()
    .describe(
      "of an artifact of several sizes: a graph for each over one weight file. The rest of the manifest is that of the first alone, whose graph is target.model",
    ),
});

const kernels = {
  model: relativePath,
  kernels: natural.describe("different ones"),
  dispatches: natural.describe("kernels that one run starts"),
  precision: z.enum(kernelPrecisions).describe("what tensors are kept in that the caller does not see"),
  arena_bytes: natural.describe("the memory that all tensors but the weights share"),
  tiles: tilesSchema.optional().describe("how kernels were cut otherwise than by timmc's table, by their shape"),
};

const target = z
  .discriminatedUnion("name", [
    onnx,
    z.strictObject({ name: z.literal("webgpu"), ...kernels }),
    z.strictObject({ name: z.literal("cuda"), ...kernels }),
  ])
  .describe("what it was compiled to; model is the file that a runtime opens");

const passReport = z.strictObject({
  pass: z.string(),
  counts: z.record(z.string(), natural).describe("how often each of its rules applied"),
  nodes: natural.describe("values that run after it"),
  macs: natural.describe("multiply-accumulates after it, at batch 1"),
});

export const manifestSchema = z
  .object({
    manifest_version: z.literal(manifestVersion),
    compiler: z.object({ name: z.literal("timmc"), version: z.string() }),
    source,
    request,
    target,
    input,
    outputs: z.array(output).min(1).describe("in the order of the model's outputs"),
    num_classes: natural,
    labels: z.array(z.string().nullable()).nullable().describe("by class index; null where no names are known"),
    params: natural.describe("parameters of the whole architecture"),
    macs: natural.describe("multiply-accumulates of what was compiled, unoptimised, at batch 1"),
    macs_optimized: natural.describe("the same after the passes"),
    graph,
    passes: z.array(passReport).describe("the passes that ran, in order"),
    license: z.string().nullable().describe("of the weights"),
    notices: z.array(z.string()),
    files: z.array(file).describe("every file of the artifact but this one and the certificate"),
  })
  .describe("manifest.json of a timmc artifact: written last, so that a folder without it is not an artifact");
