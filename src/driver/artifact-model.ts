import { rmSync } from "node:fs";
import { join } from "node:path";
import { basename } from "node:path/posix";
import { HashingFileSink, type WrittenFile } from "../backends/file-sink.ts";
import type { EmittedModel } from "../backends/onnx/emit.ts";
import { tensorByteLength } from "../backends/onnx/model.ts";
import { type ModelFrame, encodeModelFrame } from "../backends/onnx/proto.ts";
import { externalData, modelFile, placeExternally } from "../backends/onnx/writer.ts";
import { removeFiles } from "./artifact-files.ts";
import { pauses } from "./interrupt.ts";
import { type ModelFiles, modelFiles } from "./layout/layout.ts";

/** protobuf ends at 2 GiB; above this the weights go to a file of their own. */
const inlineLimit = 1.5 * 2 ** 30;

/** How a caller follows long work. */
export interface Watch {
  readonly signal?: AbortSignal | undefined;
  /** Says what is being done. */
  readonly progress?: ((text: string) => void) | undefined;
}

interface WriteOptions extends Watch {
  readonly hasWeights: boolean;
  /** Bytes of weights that the model file itself may hold. */
  readonly limit?: number | undefined;
  /** Where the files lie in the folder; default the plain layout. */
  readonly place?: ModelFiles | undefined;
}

export type ModelFile = WrittenFile & { readonly path: string };

/**
 * Writes a model into an existing folder, that of `place.model` there too, and says what was written. Without weights the initializers refer to a data file
 * that is absent, so a data file of before goes; with one, it is written before the model that reads it. The event loop turns
 * between tensors; when `signal` fires the write ends with `interrupted`. After a failure none of the files is there.
 */
export async function writeModel(
  folder: string,
  { model, initializers }: EmittedModel,
  { hasWeights, limit = inlineLimit, place = modelFiles.plain, ...watch }: WriteOptions,
): Promise<ModelFile[]> {
  rmSync(join(folder, place.data), { force: true });
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

const weightBytes = (initializers: EmittedModel["initializers"]): number =>
  initializers.reduce((n, i) => n + tensorByteLength(i.header), 0);

/**
 * How the model file begins and ends that `writeModel` writes of a model with weights: everything but the initializers,
 * of which nothing is read.
 */
export function frameOf({ model, initializers }: EmittedModel, { data }: ModelFiles): ModelFrame {
  const placed =
    weightBytes(initializers) <= inlineLimit ? initializers : placeExternally(initializers, basename(data));
  const [head = new Uint8Array()] = modelFile(model, placed);
  return { head, tail: encodeModelFrame(model, 0).tail };
}

async function writeParts(
  folder: string,
  name: string,
  parts: Iterable<Uint8Array>,
  { signal, progress, expected = 0 }: Watch & { readonly expected?: number },
): Promise<ModelFile> {
  const pause = pauses(signal);
  const sink = new HashingFileSink(join(folder, name));
  try {
    for (const part of parts) {
      sink.write(part);
      if (expected > 0)
        progress?.(`writing ${name}: ${Math.min(100, Math.floor((100 * sink.byteLength) / expected))} %`);
      await pause();
    }
    return { path: name, ...sink.commit() };
  } catch (error) {
    sink.abort();
    throw error;
  }
}
