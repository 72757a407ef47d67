import { type SharedTensors, placeShared, shareTensors } from "../../backends/onnx/bundle.ts";
import type { EmittedModel } from "../../backends/onnx/emit.ts";
import type { OnnxModel } from "../../backends/onnx/model.ts";
import { externalData, modelFile } from "../../backends/onnx/writer.ts";
import { type ModelFile, writeParts } from "../../backends/write-parts.ts";
import { removeFiles } from "../artifact-files.ts";
import { frameOfPlaced, weightBytes } from "../artifact-model.ts";
import type { BuiltGraph } from "../build-graph.ts";
import { modelFiles } from "../layout/layout.ts";
import type { OnnxTarget } from "../manifest.ts";
import { type Many, mapMany } from "../many.ts";
import { sizeName } from "../sizes.ts";
import { shown } from "../weight-numbers.ts";
import { frameMismatch, opsetDifferences } from "./onnx-frame.ts";
import type { Emission, EmittedGraph, WriteOptions } from "./target.ts";

/** The network at one size, and its model. */
interface SizedModel {
  readonly built: BuiltGraph;
  readonly emitted: EmittedModel;
}

/** Where all tensors lie that are not small. */
const dataName = modelFiles.plain.data;

/** Models of several sizes over one data file, in which each tensor is once. `targetOf` says the target of a model file. */
export function emitBundle(models: Many<SizedModel>, targetOf: (model: string) => OnnxTarget): Emission {
  const files = mapMany(models, emittedGraph);
  const [{ model, onnxNodes, weightBytes: ownBytes }] = files;
  const target = targetOf(model);
  const shared = shareTensors(
    models.map(({ built, emitted }) => ({ ...emitted, parameterIdentity: built.weights.identity })),
  );
  return {
    target,
    sizes: files,
    onnxNodes,
    tensors: shared.tensors,
    weightBytes: ownBytes,
    write: (folder, options) => writeBundle(folder, files, shared, options),
    differences: (artifact) => opsetDifferences(artifact, models[0].emitted, target.opset),
    mismatch: (artifact) => {
      const { initializers } = placeShared(shared, dataName);
      for (const [i, file] of files.entries()) {
        const mismatch = frameMismatch(artifact, file.model, frameOfPlaced(file.onnx, initializers[i] ?? []));
        if (mismatch !== null) return mismatch;
      }
      return null;
    },
  };
}

/** A model file of a bundle. */
interface BundledFile extends EmittedGraph {
  readonly onnx: OnnxModel;
}

function emittedGraph({ built, emitted: { model, initializers } }: SizedModel): BundledFile {
  const [, height, width] = built.lowering.resolved.inputSize;
  return {
    model: `model.${sizeName([height, width])}.onnx`,
    onnxNodes: model.nodes.length,
    weightBytes: weightBytes(initializers),
    onnx: model,
  };
}

/**
 * Writes the data file, and then the models that read it. Without weights the initializers refer to a data file that is
 * absent. After a failure none of the files is there.
 */
async function writeBundle(
  folder: string,
  models: readonly BundledFile[],
  shared: SharedTensors,
  { hasWeights, see, signal, progress }: WriteOptions,
): Promise<ModelFile[]> {
  const tensors = see === undefined ? shared.tensors : shared.tensors.map((tensor) => shown(tensor, see));
  const { data, initializers } = hasWeights
    ? placeShared({ ...shared, tensors }, dataName)
    : placeShared(shared, dataName, (tensor) => tensor.fromCheckpoint);
  const written: ModelFile[] = [];
  try {
    if (hasWeights)
      written.push(
        await writeParts(folder, dataName, externalData(data), { signal, progress, expected: weightBytes(data) }),
      );
    for (const [i, { model, onnx }] of models.entries()) {
      progress?.(`writing ${model}`);
      written.push(await writeParts(folder, model, modelFile(onnx, initializers[i] ?? []), { signal }));
    }
    return written.toSorted((a, b) => Number(a.path === dataName) - Number(b.path === dataName));
  } catch (error) {
    removeFiles(folder, written);
    throw error;
  }
}
