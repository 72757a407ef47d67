import type { Manifest, ManifestOutput } from "../manifest.ts";
import { modelFiles } from "../layout/layout.ts";
import { type SizedManifest, manifestSizes } from "../manifest-sizes.ts";
import { sizeName } from "../sizes.ts";

/** What a client says of its model, all of it from the manifest. */
export interface ClientFacts {
  /** Of the model, for the first line. */
  readonly title: string;
  readonly input: Manifest["input"];
  /** By tap, in order. */
  readonly outputs: readonly ManifestOutput[];
  readonly labels: Manifest["labels"];
  /** Names in the model file that are not those of the taps. */
  readonly names: Readonly<Record<string, string>>;
  /** Relative to the folder; `data` where the weights are a file of their own. */
  readonly model: string;
  readonly data: string | undefined;
  readonly hasWeights: boolean;
  /** Of an artifact of several sizes; the rest is of the first. */
  readonly sizes: readonly SizeFacts[] | undefined;
}

/** A client's model at one size. */
export interface SizeFacts {
  /** `224x224`, as `load` takes it. */
  readonly name: string;
  readonly model: string;
  readonly input: Manifest["input"];
  readonly outputs: readonly ManifestOutput[];
}

/** The manifest may still lack the client's own files. */
export function clientFacts(manifest: Manifest): ClientFacts {
  const { source, compiler, input, outputs, labels, target, files } = manifest;
  const name = source.tag === "" ? source.architecture : `${source.architecture}.${source.tag}`;
  const { data } = modelFiles[target.name === "onnx" ? target.layout : "plain"];
  return {
    title: commentText(`${name}, compiled by timmc ${compiler.version}`),
    input,
    outputs,
    labels,
    names: target.name === "onnx" ? target.names : {},
    model: target.model,
    data: files.some(({ path }) => path === data) ? data : undefined,
    hasWeights: source.weights.kind !== "none",
    sizes: "sizes" in target && target.sizes !== undefined ? manifestSizes(manifest).map(sizeFacts) : undefined,
  };
}

const sizeFacts = ({ manifest: { target, input, outputs }, size }: SizedManifest): SizeFacts => ({
  name: sizeName(size),
  model: target.model,
  input,
  outputs,
});

/** Text that may stand in a comment: names come from configurations, which anybody writes. Nothing in it is invisible. */
export const commentText = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").replaceAll("*/", "*\\/");

/** What the client's `outputs` says of one: what a program needs to read it. Costs stay in the manifest. */
export const outputFacts = ({ dtype, shape, module, channels, reduction, format, norm, softmax }: ManifestOutput) => ({
  dtype,
  shape,
  module,
  channels,
  reduction,
  format,
  norm,
  softmax,
});
