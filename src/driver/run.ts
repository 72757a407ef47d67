import { TimmcError } from "../ir/error.ts";
import { type NpyArray, readNpy } from "../runtime/npy.ts";
import type { Session } from "../runtime/session.ts";
import { type Artifact, loadArtifact, requireWeights } from "./artifact.ts";
import { type SizedArtifact, artifactAt, artifactSizes } from "./artifact-sizes.ts";
import type { Watch } from "../backends/write-parts.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";
import { fitsShape } from "./input-shape.ts";
import { pictureBatch, pictureInput } from "./picture-batch.ts";
import type { Manifest } from "./manifest.ts";
import { type ClassScore, type OutputSummary, numbersOf, rowsOf, summarize, topClasses } from "./run-report.ts";
import { saveOutputs } from "./run-save.ts";
import { type Size, sizeName } from "./sizes.ts";
import type { OpenOptions } from "./target/target.ts";
import { targetOf } from "./target/targets.ts";

export interface ImageRunOptions extends Watch {
  /** How many classes to give; default 5. */
  readonly top?: number | undefined;
  /** Of an artifact of several sizes the one to run; default the first. */
  readonly size?: Size | undefined;
  /** Is told what a user should know of how the model runs. */
  readonly note?: ((text: string) => void) | undefined;
}

export interface ImageReport {
  readonly image: string;
  /** By falling probability; null for an artifact without logits. */
  readonly top: readonly ClassScore[] | null;
  /** Every output for this image alone. */
  readonly outputs: readonly OutputSummary[];
}

interface TensorRunOptions extends Omit<ImageRunOptions, "top"> {
  readonly save?: string | undefined;
}

interface TensorReport {
  readonly tensor: string;
  readonly outputs: readonly (OutputSummary & { readonly file: string | null })[];
}

/** Pictures that go through the network together where the artifact takes any number. */
const imagesAtOnce = 8;

/** Preprocesses pictures as the manifest says, runs them, and reports on each. Throws TimmcError with the picture's path. */
export async function runImages(
  folder: string,
  images: readonly string[],
  { top = 5, size, signal, progress, note }: ImageRunOptions = {},
): Promise<ImageReport[]> {
  const artifact = artifactAt(await loadArtifact(folder), size);
  const atOnce = batchOf(artifact.manifest);
  return withSession(artifact, { signal, progress, note }, async (session) => {
    const reports: ImageReport[] = [];
    for (let from = 0; from < images.length; from += atOnce.images) {
      const some = images.slice(from, from + atOnce.images);
      progress?.(`${reports.length} of ${images.length} pictures`);
      const rows = atOnce.fixed ? atOnce.images : some.length;
      const batch = await pictureBatch(pictureInput(artifact.manifest), some, rows, signal);
      const outputs = await session.run(batch);
      for (const [index, image] of some.entries()) {
        const own = [...outputs].map(([name, array]) => [name, rowsOf(array, index, rows)] as const);
        reports.push(reportOf(artifact.manifest, image, new Map(own), top));
      }
    }
    return reports;
  });
}

/** Runs a raw input as it is, at the size that its shape is of, and writes every output as .npy where `save` names a folder. Throws TimmcError. */
export async function runTensor(
  folder: string,
  file: string,
  { save, size, signal, note }: TensorRunOptions = {},
): Promise<TensorReport> {
  const whole = await loadArtifact(folder);
  const input = readNpy(file);
  const artifact = size === undefined ? artifactOf(whole, input, file) : artifactAt(whole, size);
  requireInput(artifact.manifest, input, file);
  return withSession(artifact, { signal, note }, async (session) => {
    refuseInterrupted(signal);
    const outputs = await session.run(input);
    const files = save === undefined ? undefined : saveOutputs(save, outputs);
    const summaries = [...outputs].map(([name, array]) => summarize(name, array));
    return { tensor: file, outputs: summaries.map((s) => ({ ...s, file: files?.get(s.name) ?? null })) };
  });
}

async function withSession<T>(
  artifact: Artifact,
  options: OpenOptions,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  requireWeights(artifact);
  const runtime = await targetOf(artifact.manifest.target).load();
  const session = await runtime.open(artifact, options);
  try {
    return await body(session);
  } finally {
    await session.close();
  }
}

/**
 * How many pictures a run takes. Rows of an output belong to pictures where its first dimension is a multiple of the
 * batch; an artifact with another kind of output gets one picture at a time, or its fixed batch of one.
 */
function batchOf({ input, outputs }: Manifest): { readonly images: number; readonly fixed: boolean } {
  const [batch] = input.shape;
  if (typeof batch === "number") {
    const stray = outputs.find(({ shape }) => typeof shape[0] !== "number" || shape[0] % batch !== 0);
    if (stray === undefined || batch === 1) return { images: batch, fixed: true };
    throw new TimmcError("unsupported", `the rows of ${stray.name} do not divide among ${batch} pictures`, {
      hint: "Compile with --batch 1, or feed the whole batch with --tensor.",
    });
  }
  const byRow = outputs.every(({ shape: [rows = 0] }) => rows === batch || /^\d+$/.test(withoutEnd(rows, `*${batch}`)));
  return { images: byRow ? imagesAtOnce : 1, fixed: false };
}

/** `64*N` without `*N`: `64`; what ends otherwise gives nothing. */
const withoutEnd = (dim: number | string, end: string): string =>
  typeof dim === "string" && dim.endsWith(end) ? dim.slice(0, -end.length) : "";

function reportOf(manifest: Manifest, image: string, outputs: ReadonlyMap<string, NpyArray>, top: number): ImageReport {
  const logits = outputs.get("logits");
  const softmax = manifest.outputs.some((o) => o.name === "logits" && o.softmax);
  // Without a classifier, timm's forward gives the pooled features.
  const isClassified = logits !== undefined && logits.shape.length === 2 && manifest.num_classes > 0;
  try {
    return {
      image,
      top: isClassified ? topClasses(numbersOf(logits), top, manifest.labels, softmax) : null,
      outputs: [...outputs].map(([name, array]) => summarize(name, array)),
    };
  } catch (error) {
    throw error instanceof TimmcError ? error.within(image) : error;
  }
}

/** An artifact at the size that a tensor has. Throws `usage` with the sizes where it has none of several. */
function artifactOf(whole: Artifact, { shape }: NpyArray, place: string): SizedArtifact {
  const sizes = artifactSizes(whole);
  const found = sizes.find(({ manifest }) => fitsShape(manifest.input, shape));
  if (found !== undefined) return found;
  const [first, ...others] = sizes;
  if (others.length === 0) return first;
  const { dtype, layout } = first.manifest.input;
  throw new TimmcError("usage", `the tensor is [${shape.join(",")}], and the artifact has no graph for its size`, {
    trail: [place],
    hint: `It takes ${dtype} in ${layout} of the sizes ${sizes.map((sized) => sizeName(sized.size)).join(", ")}.`,
  });
}

/** The dtype, and a shape that the manifest's allows. */
function requireInput({ input }: Manifest, array: NpyArray, place: string): void {
  if (fitsShape(input, array.shape) && array.dtype === input.dtype) return;
  const empty = array.shape.includes(0) && input.shape.some((dim) => typeof dim === "string");
  throw new TimmcError(
    "usage",
    `the tensor is ${array.dtype}[${array.shape.join(",")}]; the artifact takes ${input.dtype}[${input.shape.join(",")}]${empty ? ", N at least 1" : ""}`,
    {
      trail: [place],
      hint:
        input.normalized === "inside"
          ? "Its layout is NHWC, the pixels of pictures that have this size already."
          : "Its layout is NCHW, preprocessed as the manifest's input contract says.",
    },
  );
}
