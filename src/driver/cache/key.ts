import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import type { ModelReference } from "../../frontend/reference.ts";
import { type ResolvedModel, resolve } from "../../frontend/resolve.ts";
import { weightFilesAt } from "../../frontend/weights/open.ts";
import type { CompileRequest } from "../compile.ts";
import type { SourceHashes } from "../describe-artifact.ts";
import { formsOf } from "../forms.ts";
import { hashFiles, hashOnce } from "../hash-file.ts";
import { plainTaps } from "../layout/layout.ts";
import { defaultLevel } from "../pipeline.ts";
import { defaultTarget } from "../target/names.ts";
import { checkedRequest } from "../target/targets.ts";
import { type HubSource, type WeightsChoice, weightFile } from "../weights.ts";
import { canonicalText } from "./canonical.ts";
import { compilerIdentity } from "./identity.ts";

/** What a request compiles, without compiling it. */
export interface RequestKey {
  /** SHA-256, lower-case hexadecimal: equal keys are equal bytes of an artifact. */
  readonly key: string;
  readonly resolved: ResolvedModel;
  /** As the manifest will have them. */
  readonly hashes: SourceHashes;
  readonly hub: HubSource | undefined;
}

/**
 * The key of a request: of its model and weights by their contents, its options with their defaults filled in, and the
 * compiler. Undefined for a request that is to be watched, which no kept artifact serves. Downloads weights where they
 * must be; each weight file is read once per process. Throws TimmcError as `compile` does, for what it finds.
 */
export async function requestKey(asked: CompileRequest): Promise<RequestKey | undefined> {
  if (asked.observers !== undefined && asked.observers.length > 0) return undefined;
  const request = checkedRequest(asked);
  const resolved = await resolve(request);
  const weights = await weightsOf(request.weights ?? "pretrained", resolved, request);
  const config =
    resolved.local === undefined ? null : await hashOnce(join(resolved.local.path, "config.json"), request);
  const facts: Facts = { request, resolved };
  const text = canonicalText({
    compiler: compilerIdentity(),
    model: partsOf(modelParts, resolved),
    config,
    weights: { sha256: weights.sha256, names: weights.names, hub: weights.hub },
    request: partsOf(requestParts, facts),
  });
  const key = createHash("sha256").update(text).digest("hex");
  return { key, resolved, hashes: { weights: weights.sha256, config }, hub: weights.hub };
}

interface KeyedWeights {
  readonly sha256: string | null;
  /** Of the files, without their folders: notices have them. */
  readonly names: readonly string[];
  readonly hub: HubSource | undefined;
}

async function weightsOf(
  choice: WeightsChoice,
  resolved: ResolvedModel,
  request: CompileRequest,
): Promise<KeyedWeights> {
  if (choice === "none" || choice === "synthetic") return { sha256: null, names: [], hub: undefined };
  const { path, hub } = await weightFile(choice, resolved, request);
  const files = weightFilesAt(path);
  return { sha256: await hashFiles(files, { signal: request.signal }), names: files.map((f) => basename(f)), hub };
}

/** How a field counts: by a value made of it, or not at all, and why. */
type Part<T> = ((facts: T) => unknown) | { readonly irrelevant: string };

type Parts<K extends string, T> = { readonly [N in K]: Part<T> };

/** What counts, by the names of the fields. */
const partsOf = <T>(parts: Parts<string, T>, facts: T): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(parts).flatMap(([name, part]) => (typeof part === "function" ? [[name, part(facts)]] : [])),
  );

interface Facts {
  readonly request: CompileRequest;
  readonly resolved: ResolvedModel;
}

const resolvedAlready = { irrelevant: "the resolved model has what it means" };
const saysNothing = { irrelevant: "it follows the work and decides nothing" };

/** Every field of a request. One that is new must say here how it counts. */
export const requestParts: Parts<keyof CompileRequest, Facts> = {
  model: resolvedAlready,
  // The manifest has what was asked, beside what it means.
  args: ({ request }) => request.args ?? {},
  cfg: ({ request }) => request.cfg ?? {},
  inputSize: resolvedAlready,
  useTestSize: ({ request }) => request.useTestSize ?? false,
  taps: ({ request, resolved }) =>
    request.taps ?? (isPlain(request) ? plainTaps(resolved.featuresOnly) : "those of the layout"),
  tapFormat: ({ request }) => request.tapFormat ?? "native",
  tapNorm: ({ request }) => request.tapNorm ?? false,
  softmax: ({ request }) => request.softmax ?? false,
  batch: ({ request }) => request.batch,
  preprocess: ({ request }) => request.preprocess ?? false,
  target: ({ request }) => targetName(request),
  opset: ({ request }) => (targetName(request) === "onnx" ? formsOf(request).opset : request.opset),
  onnxOps: ({ request }) => (targetName(request) === "onnx" ? formsOf(request).ops : request.onnxOps),
  precision: ({ request }) => request.precision ?? "fp32",
  dynamicSize: ({ request }) => request.dynamicSize,
  sizes: ({ request }) => request.sizes,
  calibration: ({ request }) => request.calibration?.sha256,
  maxError: ({ request }) => request.maxError,
  tiles: ({ request }) => request.tiles,
  weights: ({ request: { weights = "pretrained" } }) => (typeof weights === "string" ? weights : "file"),
  pinned: { irrelevant: "the commit that the weights are of counts" },
  optimization: ({ request }) => request.optimization ?? defaultLevel,
  layout: ({ request }) => request.layout ?? "plain",
  passes: ({ request }) => request.passes ?? null,
  observers: { irrelevant: "a request with observers has no key" },
  out: { irrelevant: "an artifact does not know its folder" },
  cacheDir: { irrelevant: "the weights count by their content, wherever they lie" },
  signal: saysNothing,
  progress: saysNothing,
  note: saysNothing,
};

const isPlain = ({ layout = "plain" }: CompileRequest): boolean => layout === "plain";
const targetName = ({ target = defaultTarget }: CompileRequest): string => target;

/** Every field of a resolved model. */
export const modelParts: Parts<keyof ResolvedModel, ResolvedModel> = {
  reference: ({ reference, hub }) => referenceText(reference, hub?.commit),
  architecture: (m) => m.architecture,
  tag: (m) => m.tag,
  family: (m) => m.family.name,
  // Where it lies is no part of what it says.
  cfg: ({ cfg }) => ({ ...cfg, file: undefined }),
  args: (m) => m.args,
  numClasses: (m) => m.numClasses,
  inputSize: (m) => m.inputSize,
  data: (m) => m.data,
  featuresOnly: (m) => m.featuresOnly,
  outIndices: (m) => m.outIndices,
  local: { irrelevant: "config.json counts by its content, and its folder's path is in no artifact" },
  hub: (m) => m.hub?.commit,
  notices: (m) => m.notices,
};

/** A reference without what is of this machine, and with the commit that a revision stands for. */
function referenceText(reference: ModelReference, commit: string | undefined): unknown {
  switch (reference.kind) {
    case "timm":
      return reference;
    case "hf-hub":
      return { kind: reference.kind, repo: reference.repo, commit };
    case "local-dir":
      return { kind: reference.kind };
  }
  return reference satisfies never;
}
