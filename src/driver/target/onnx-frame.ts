import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { EmittedModel } from "../../backends/onnx/emit.ts";
import { supportedOpsets } from "../../backends/onnx/model.ts";
import { frameOf } from "../artifact-model.ts";
import type { Artifact } from "../artifact.ts";
import { type ModelFiles, modelFiles } from "../layout/layout.ts";

/** Why a model file has other nodes than this model; null where it has the same. Weights are not looked at. */
export function frameMismatch(artifact: Artifact, emitted: EmittedModel, place: ModelFiles): string | null {
  const { head, tail } = frameOf(emitted, place);
  const ends = readEnds(modelPath(artifact), head.length, tail.length);
  if (ends.head.equals(head) && ends.tail.equals(tail)) return null;
  return (
    `${artifact.manifest.target.model} computes the right outputs, but not with the nodes that the manifest's request gives: ` +
    "the file or the request was changed. Compile the model again."
  );
}

/** The operator set of the model file, where it is written as this model is. Nearly always the recorded one. */
export const opsetOf = (
  artifact: Artifact,
  { model, initializers }: EmittedModel,
  recorded: number,
): number | undefined =>
  [recorded, ...supportedOpsets].find((opset) => {
    const opsetImports = model.opsetImports.map((i) => (i.domain === "" ? { ...i, version: opset } : i));
    const { tail } = frameOf({ model: { ...model, opsetImports }, initializers }, modelFiles.plain);
    return readEnds(modelPath(artifact), 0, tail.length).tail.equals(tail);
  });

const modelPath = ({ folder, manifest }: Artifact): string => join(folder, manifest.target.model);

/** The first and the last bytes of a file, fewer of a shorter one. */
function readEnds(path: string, head: number, tail: number): { readonly head: Buffer; readonly tail: Buffer } {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const read = (length: number, at: number): Buffer => {
      const bytes = Buffer.alloc(Math.min(length, size));
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, Math.max(0, at)));
    };
    return { head: read(head, 0), tail: read(tail, size - tail) };
  } finally {
    closeSync(file);
  }
}
