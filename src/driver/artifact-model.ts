import { basename } from "node:path/posix";
import type { EmittedModel } from "../backends/onnx/emit.ts";
import { type OnnxModel, tensorByteLength } from "../backends/onnx/model.ts";
import { type ModelFrame, encodeModelFrame } from "../backends/onnx/proto.ts";
import { type Initializer, externalData, modelFile, placeExternally } from "../backends/onnx/writer.ts";
import { type ModelFile, type Watch, writeParts } from "../backends/write-parts.ts";
import { removeFiles } from "./artifact-files.ts";
import { type ModelFiles, modelFiles } from "./layout/layout.ts";
import { type See, shown } from "./weight-numbers.ts";

/** protobuf ends at 2 GiB; above this the weights go to a file of their own. */
const inlineLimit = 1.5 * 2 ** 30;

interface WriteOptions extends Watch {
  readonly hasWeights: boolean;
  /** Is shown every tensor that comes from the checkpoint. */
  readonly see?: See | undefined;
  /** Bytes of weights that the model file itself may hold. */
  readonly limit?: number | undefined;
  /** Where the files lie in the folder; default the plain layout. */
  readonly place?: ModelFiles | undefined;
}

/**
 * Writes a model into an existing folder, that of `place.model` there too, and says what was written. Without weights the initializers refer to a data file
 * that is absent; with one, it is written before the model that reads it. The event loop turns
 * between tensors; when `signal` fires the write ends with `interrupted`. After a failure none of the files is there.
 */
export async function writeModel(
  folder: string,
  { model, initializers: tensors }: EmittedModel,
  { hasWeights, limit = inlineLimit, place = modelFiles.plain, see, ...watch }: WriteOptions,
): Promise<ModelFile[]> {
  const initializers = see === undefined ? tensors : tensors.map((tensor) => shown(tensor, see));
  const bytes = weightBytes(initializers);
  if (!hasWeights) {
    const placed = placeExternally(initializers, basename(place.data), (tensor) => tensor.fromCheckpoint);
    return [await writeParts(folder, place.model, modelFile(model, placed), watch)];
  }
  if (bytes <= limit)
    return [await writeParts(folder, place.model, modelFile(model, initializers), { ...watch, expected: bytes })];
  const placed = placeExternally(initializers, basename(place.data));
  const data = await writeParts(folder, place.data, externalData(placed), { ...watch, expected: bytes });
  try {
    return [await writeParts(folder, place.model, modelFile(model, placed), watch), data];
  } catch (error) {
    removeFiles(folder, [data]);
    throw error;
  }
}

/** Of all tensors. */
export const weightBytes = (initializers: readonly Initializer[]): number =>
  initializers.reduce((n, i) => n + tensorByteLength(i.header), 0);

/**
 * How the model file begins and ends that `writeModel` writes of a model with weights: everything but the initializers,
 * of which nothing is read.
 */
export function frameOf({ model, initializers }: EmittedModel, { data }: ModelFiles): ModelFrame {
  const placed =
    weightBytes(initializers) <= inlineLimit ? initializers : placeExternally(initializers, basename(data));
  return frameOfPlaced(model, placed);
}

/** The same of a model whose tensors have their places. */
export function frameOfPlaced(model: OnnxModel, placed: readonly Initializer[]): ModelFrame {
  const [head = new Uint8Array()] = modelFile(model, placed);
  return { head, tail: encodeModelFrame(model, 0).tail };
}
