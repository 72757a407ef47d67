import { statSync } from "node:fs";
import { join } from "node:path";
import type { Watch } from "../../backends/write-parts.ts";
import { TimmcError } from "../../ir/error.ts";
import { type Artifact, loadArtifact } from "../artifact.ts";
import { type SizedArtifact, artifactAt, artifactSizes, hasSize } from "../artifact-sizes.ts";
import { manifestName } from "../artifact-files.ts";
import type { Manifest, ManifestOutput } from "../manifest.ts";
import { type Size, sizeName } from "../sizes.ts";
import { byName, changesOf, fieldChanges } from "./changes.ts";
import { graphDiff } from "./graph-diff.ts";
import { kernelDiff, readKernelProgram } from "./kernel-program.ts";
import type { ArtifactFacts, DiffReport, FieldChange, FileFacts, LabelChange, ModelDiff } from "./report.ts";
import { contractConflict, runDiff } from "./run-diff.ts";
import type { TensorPlace } from "./tensor-change.ts";
import { type Compared, type Weight, openModel, weightDiff } from "./weight-diff.ts";

export interface DiffOptions extends Watch {
  /** Whether both are run, on the recipe's input or on pictures. */
  readonly run?: boolean | undefined;
  /** The height and width that both run at; default their own, or the first that both take. */
  readonly size?: Size | undefined;
  readonly images?: readonly string[] | undefined;
  readonly note?: ((text: string) => void) | undefined;
}

/**
 * What tells two artifacts apart: of the second, against the first. Every file of both is checked against its manifest first;
 * weights are read piece by piece. Throws TimmcError for a folder that is none or is damaged.
 */
export async function diffArtifacts(folderA: string, folderB: string, options: DiffOptions = {}): Promise<DiffReport> {
  const [a, b] = [await loadArtifact(folderA), await loadArtifact(folderB)];
  [a, b].forEach(requireShallow);
  const notes: string[] = [];
  const models = await modelDiffs(a, b, notes, options);
  return {
    equal: a.manifestSha256 === b.manifestSha256,
    a: factsOf(a),
    b: factsOf(b),
    options: optionChanges(a.manifest, b.manifest),
    labels: labelChanges(a.manifest, b.manifest),
    outputs: changesOf(outputsOf(a), outputsOf(b), (name, o) => ({ name, type: typeOf(o) }), namedChange),
    models,
    files: fileChanges(a, b),
    runs: await runs(a, b, notes, options),
    notes,
  };
}

/** Deeper than any argument of timm's. */
const maxDepth = 100;

/** Whatever goes into every entry of a manifest may: its free fields are not nested without end. */
function requireShallow({ folder, manifest }: Artifact): void {
  let level: readonly unknown[] = [manifest];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth)
      throw new TimmcError("io", `the manifest is nested deeper than ${maxDepth}`, { trail: [folder] });
    level = level.flatMap((value) => (typeof value === "object" && value !== null ? Object.values(value) : []));
  }
}

function factsOf({ folder, manifest, manifestSha256 }: Artifact): ArtifactFacts {
  const { architecture, tag } = manifest.source;
  return {
    artifact: folder,
    manifest_sha256: manifestSha256,
    model: tag === "" ? architecture : `${architecture}.${tag}`,
    target: manifest.target.name,
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
  };
}

/** Everything that a manifest says, but for outputs, labels and files; passes under their names. */
function optionChanges(a: Manifest, b: Manifest): FieldChange[] {
  const elsewhere = { outputs: null, labels: null, files: null };
  const fields = ({ passes, ...rest }: Manifest): unknown => ({
    ...rest,
    ...elsewhere,
    passes: Object.fromEntries(byName(passes, ({ pass }) => pass)),
  });
  return fieldChanges(fields(a), fields(b));
}

function labelChanges(a: Manifest, b: Manifest): LabelChange[] {
  const [one, other] = [a.labels ?? [], b.labels ?? []];
  const all = Array.from({ length: Math.max(one.length, other.length) }, (_, index) => {
    return { index, a: one[index] ?? null, b: other[index] ?? null };
  });
  return all.filter((label) => label.a !== label.b);
}

const outputsOf = ({ manifest }: Artifact): Map<string, ManifestOutput> => byName(manifest.outputs, ({ name }) => name);
const typeOf = ({ dtype, shape }: ManifestOutput): string => `${dtype}[${shape.join(",")}]`;

function namedChange(name: string, a: ManifestOutput, b: ManifestOutput) {
  const changes = fieldChanges(a, b);
  return changes.length === 0 ? undefined : { name, changes };
}

/** The manifest is a file too: that it differs shows what a comparison field by field passes over. */
function fileChanges(a: Artifact, b: Artifact): DiffReport["files"] {
  const files = ({ folder, manifest, manifestSha256 }: Artifact) => {
    const { size } = statSync(join(folder, manifestName));
    return byName([...manifest.files, { path: manifestName, bytes: size, sha256: manifestSha256 }], ({ path }) => path);
  };
  return changesOf(
    files(a),
    files(b),
    (path, { bytes }): FileFacts => ({ path, bytes }),
    (path, x, y) => (x.sha256 === y.sha256 ? undefined : { path, a: x.bytes, b: y.bytes }),
  );
}

/** Graphs of every model file that both have; of one that each has alone, those. */
async function modelDiffs(a: Artifact, b: Artifact, notes: string[], watch: Watch): Promise<ModelDiff[]> {
  const [one, other] = [a.manifest.target, b.manifest.target];
  if (one.name !== other.name) {
    notes.push(`nodes and weights are not compared: the targets are ${one.name} and ${other.name}`);
    return [];
  }
  const without = [a, b].filter(({ manifest }) => manifest.source.weights.kind === "none");
  const headersOnly = without.length === 0 ? null : without.map(({ folder }) => `${folder} has no weights`).join(", ");
  const options = { ...watch, headersOnly, compared: new Map() as Compared };
  if (one.name !== "onnx") {
    const [x, y] = [readKernelProgram(a), readKernelProgram(b)];
    const weights = await weightDiff(typed(x.weights), typed(y.weights), options);
    return [{ a: one.model, b: other.model, graph: null, kernels: kernelDiff(x, y), weights }];
  }
  const pairs = modelPairs(a.manifest, b.manifest);
  if (pairs.length === 0) notes.push("nodes and weights are not compared: the artifacts have no model file in common");
  const diffs: ModelDiff[] = [];
  for (const [pathA, pathB] of pairs) {
    const [x, y] = [openModel(a, pathA), openModel(b, pathB)];
    const weights = await weightDiff(x.weights, y.weights, options);
    diffs.push({ a: pathA, b: pathB, graph: graphDiff(x.model, y.model), kernels: null, weights });
  }
  return diffs;
}

function modelPairs(a: Manifest, b: Manifest): (readonly [a: string, b: string])[] {
  const models = ({ files }: Manifest): string[] =>
    files.map((file) => file.path).filter((path) => path.endsWith(".onnx"));
  const [one, other] = [models(a), models(b)];
  if (one.length === 1 && other.length === 1) return [[a.target.model, b.target.model]];
  return one.filter((path) => other.includes(path)).map((path) => [path, path]);
}

const typed = (places: ReadonlyMap<string, TensorPlace>): Map<string, Weight> =>
  new Map(
    [...places].map(([name, place]) => [name, { ...place, type: `${place.dtype ?? "byte"}[${place.elements}]` }]),
  );

async function runs(a: Artifact, b: Artifact, notes: string[], options: DiffOptions): Promise<DiffReport["runs"]> {
  if (options.run !== true) return null;
  const [one, other] = atOneSize(a, b, options.size);
  const conflict = contractConflict(one.manifest, other.manifest, options.images !== undefined);
  if (conflict === undefined) {
    if (options.size === undefined && [a, b].some((own) => nameAt(own) !== sizeName(one.size)))
      notes.push(`both ran at ${sizeName(one.size)}`);
    return runDiff(one, other, options);
  }
  const how = sizeName(one.size) === sizeName(other.size) ? "" : "; compile one with --sizes or --dynamic-size";
  notes.push(`the artifacts are not run: ${conflict}${how}`);
  return null;
}

const nameAt = (artifact: Artifact): string => sizeName(artifactAt(artifact, undefined).size);

/** Both at the size that is asked for, or at the first that both have; at their own where there is none. Throws `usage`. */
function atOneSize(a: Artifact, b: Artifact, size: Size | undefined): readonly [SizedArtifact, SizedArtifact] {
  const sizes = [...artifactSizes(a), ...artifactSizes(b)].map((sized) => sized.size);
  const common = size ?? sizes.find((each) => hasSize(a, each) && hasSize(b, each));
  return [artifactAt(a, common), artifactAt(b, common)];
}
