import type { ResolvedModel } from "../../frontend/resolve.ts";
import type { Model } from "../../zoo/family.ts";

/** How an artifact folder is laid out: timmc's own way, or as transformers.js reads it. */
export const layouts = ["plain", "transformers-js"] as const;
export type Layout = (typeof layouts)[number];

/** Where the model lies in the folder, and its weights where they are a file of their own, beside it. */
export interface ModelFiles {
  readonly model: string;
  readonly data: string;
}

export const modelFiles: { readonly [L in Layout]: ModelFiles } = {
  plain: { model: "model.onnx", data: "model.onnx.data" },
  "transformers-js": { model: "onnx/model.onnx", data: "onnx/model.onnx_data" },
};

type Returned = Pick<Model, "forwardFeatures" | "preLogits">;

/** The taps of timmc's own layout where none are asked for. */
export const plainTaps = (featuresOnly: boolean): string[] => [featuresOnly ? "features" : "logits"];

/**
 * The taps of a model where none are asked for: for transformers.js those that serve its pipelines, without those that are
 * several tensors where it reads one. Without logits forward_features stays all the same, to be refused by its name.
 */
export function defaultTaps(
  layout: Layout,
  { featuresOnly, numClasses }: Pick<ResolvedModel, "featuresOnly" | "numClasses">,
  { forwardFeatures, preLogits }: Returned,
): string[] {
  if (featuresOnly || layout === "plain") return plainTaps(featuresOnly);
  return [
    ...(numClasses > 0 ? ["logits"] : []),
    ...(numClasses === 0 || forwardFeatures.length === 1 ? ["forward_features"] : []),
    ...(preLogits.length === 1 ? ["pre_logits"] : []),
  ];
}

/** What of a network has no place in the layout, whichever taps are asked for. */
export function layoutNotices(layout: Layout, { forwardFeatures, preLogits }: Returned): string[] {
  const returned = { forward_features: forwardFeatures, pre_logits: preLogits };
  return Object.entries(returned).flatMap(([tap, { length }]) => {
    const name = modelNames[layout][tap];
    return name === undefined || length === 1
      ? []
      : [`the model has no ${name}: ${tap} of this network is ${length} tensors, and transformers.js reads one`];
  });
}

type Names = Readonly<Record<string, string>>;

/** The names of transformers.js for what timm returns; every other tap keeps its name. */
const modelNames: { readonly [L in Layout]: Names } = {
  plain: {},
  "transformers-js": {
    input: "pixel_values",
    forward_features: "last_hidden_state",
    pre_logits: "pooler_output",
  },
};

/** Names in the model file of the input and of those taps that it has under another name. */
export const namesOf = (layout: Layout, taps: readonly string[]): Names =>
  Object.fromEntries(Object.entries(modelNames[layout]).filter(([own]) => own === "input" || taps.includes(own)));
