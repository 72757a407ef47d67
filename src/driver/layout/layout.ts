import type { ResolvedModel } from "../../frontend/resolve.ts";

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

/** The taps of a model where none are asked for: for transformers.js those that serve its pipelines. */
export function defaultTaps(layout: Layout, model: Pick<ResolvedModel, "featuresOnly" | "numClasses">): string[] {
  if (model.featuresOnly) return ["features"];
  const logits = layout === "plain" || model.numClasses > 0 ? ["logits"] : [];
  return layout === "plain" ? logits : [...logits, "forward_features", "pre_logits"];
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
