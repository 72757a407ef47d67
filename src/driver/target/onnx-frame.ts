import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { EmittedModel } from "../../backends/onnx/emit.ts";
import { supportedOpsets } from "../../backends/onnx/model.ts";
import { type ModelFrame, encodeModelFrame } from "../../backends/onnx/proto.ts";
import type { Artifact } from "../artifact.ts";
import type { Difference } from "../verify-difference.ts";

/** Why a model file has other nodes than the one that begins and ends so; null where it has the same. Weights are not looked at. */
export function frameMismatch({ folder }: Artifact, path: string, { head, tail }: ModelFrame): string | null {
  const ends = readEnds(join(folder, path), head.length, tail.length);
  if (ends.head.equals(head) && ends.tail.equals(tail)) return null;
  return (
    `${path} computes the right outputs, but not with the nodes that the manifest's request gives: ` +
    "the file or the request was changed. Compile the model again."
  );
}

/** What the manifest says of the operator set of its model file, and the file does not, where it is written as this model is. */
export function opsetDifferences(artifact: Artifact, { model }: EmittedModel, recorded: number): Difference[] {
  const path = join(artifact.folder, artifact.manifest.target.model);
  const given = [recorded, ...supportedOpsets].find((opset) => {
    const opsetImports = model.opsetImports.map((i) => (i.domain === "" ? { ...i, version: opset } : i));
    const { tail } = encodeModelFrame({ ...model, opsetImports }, 0);
    return readEnds(path, 0, tail.length).tail.equals(tail);
  });
  return given === undefined || given === recorded ? [] : [{ field: "target.opset", recorded, given }];
}

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
