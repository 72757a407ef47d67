import { join, posix } from "node:path";
import type { Watch } from "../../backends/write-parts.ts";
import { type PlacedInitializer, readModelHeaders } from "../../backends/onnx/read-model.ts";
import { type OnnxModel, tensorByteLength } from "../../backends/onnx/model.ts";
import { TimmcError } from "../../ir/error.ts";
import { count } from "../../ir/type.ts";
import type { Artifact } from "../artifact.ts";
import { matched } from "./changes.ts";
import type { TensorChange, TensorFacts, WeightDiff } from "./report.ts";
import { type TensorPlace, compareTensors } from "./tensor-change.ts";

/** A tensor of a model: its type in words, and where its bytes are. */
export interface Weight extends TensorPlace {
  readonly type: string;
}

interface OpenedModel {
  readonly model: OnnxModel;
  readonly weights: ReadonlyMap<string, Weight>;
}

/** Reads a model file of an artifact that loaded, but for its weights. */
export function openModel(artifact: Artifact, path: string): OpenedModel {
  const { model, initializers } = readModelHeaders(join(artifact.folder, path));
  return {
    model,
    weights: new Map(initializers.map((tensor) => [tensor.header.name, weightOf(artifact, path, tensor)])),
  };
}

function weightOf(artifact: Artifact, model: string, { header, offset }: PlacedInitializer): Weight {
  const { dtype, dims, external } = header;
  const bytes = tensorByteLength(header);
  const place =
    external === undefined
      ? { path: model, offset: offset ?? 0 }
      : { path: dataFile(artifact, model, external.location), offset: external.offset };
  const size = artifact.manifest.files.find((file) => file.path === place.path)?.bytes;
  if (size !== undefined && place.offset + bytes > size)
    throw new TimmcError("io", `the artifact is damaged: ${header.name} ends behind ${place.path}`, {
      trail: [join(artifact.folder, model)],
      hint: "Compile the model again.",
    });
  return {
    type: `${dtype}[${dims.join(",")}]`,
    path: join(artifact.folder, place.path),
    offset: place.offset,
    bytes,
    elements: count(dims),
    dtype,
  };
}

/** The file of the manifest that a location means: of others, in the folder or not, no byte is read. */
function dataFile({ folder, manifest }: Artifact, model: string, location: string): string {
  const path = posix.join(posix.dirname(model), location);
  if (manifest.files.some((file) => file.path === path) || manifest.source.weights.kind === "none") return path;
  throw new TimmcError(
    "io",
    `the artifact is damaged: its weights are in ${location}, which the manifest does not list`,
    {
      trail: [join(folder, model)],
      hint: "Compile the model again.",
    },
  );
}

/** What of two sides was compared before: graphs of one bundle share their weights. */
export type Compared = Map<string, Awaited<ReturnType<typeof compareTensors>>>;

interface WeightOptions extends Watch {
  /** Why there are no bytes to compare. */
  readonly headersOnly: string | null;
  readonly compared: Compared;
}

/** Compares the tensors of two models under their names, one after another. */
export async function weightDiff(
  a: ReadonlyMap<string, Weight>,
  b: ReadonlyMap<string, Weight>,
  { headersOnly, compared, signal, progress }: WeightOptions,
): Promise<WeightDiff> {
  const { removed, added, common, reordered } = matched(a, b);
  const changed: TensorChange[] = [];
  for (const [i, [name, one, other]] of common.entries()) {
    progress?.(`comparing ${i + 1} of ${common.length} weights`);
    const change = await tensorChange(name, one, other);
    if (change !== undefined) changed.push(change);
  }
  return {
    removed: removed.map(factsOf),
    added: added.map(factsOf),
    changed,
    equal: common.length - changed.length,
    reordered,
    bytes: { a: bytesOf(a), b: bytesOf(b) },
    headers_only: headersOnly,
  };

  async function tensorChange(name: string, one: Weight, other: Weight): Promise<TensorChange | undefined> {
    const change = { name, a: one.type, b: other.type, elements: one.elements };
    const isShaped = shapeOf(one.type) === shapeOf(other.type);
    if (headersOnly !== null || !isShaped) return one.type === other.type ? undefined : { ...change, numbers: null };
    const key = JSON.stringify([one, other]);
    const found = compared.get(key) ?? (await compareTensors(one, other, signal));
    compared.set(key, found);
    return found.sameBytes ? undefined : { ...change, numbers: found.numbers };
  }
}

const shapeOf = (type: string): string => type.slice(type.indexOf("["));
const factsOf = ([name, { type, bytes }]: readonly [string, Weight]): TensorFacts => ({ name, type, bytes });
const bytesOf = (weights: ReadonlyMap<string, Weight>): number =>
  [...weights.values()].reduce((sum, { bytes }) => sum + bytes, 0);
