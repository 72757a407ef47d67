import type { ManifestOutput } from "../manifest.ts";
import { arrayOf } from "./arrays.ts";
import { type ClientFacts, commentText, outputFacts } from "./facts.ts";
import { literalType } from "./literal.ts";

type Shape = ManifestOutput["shape"];

/** index.d.ts of an artifact: what it takes and gives as literal types. */
export function clientDeclarations(facts: ClientFacts): string {
  const { type, array } = arrayOf(facts.input.dtype);
  return `${factsDeclarations(facts, "onnxruntime-node and onnxruntime-web")}
/** What the client uses of onnxruntime-node or onnxruntime-web. */
export interface Runtime {
  readonly InferenceSession: {
    create(
      model: string | Uint8Array,
      options?: object,
    ): Promise<{ run(feeds: Readonly<Record<string, unknown>>): Promise<unknown>; release(): Promise<void> }>;
  };
  readonly Tensor: new (type: ${JSON.stringify(type)}, data: ${array}, dims: readonly number[]) => unknown;
  readonly env: { readonly versions: { readonly web?: string } };
}

export interface LoadOptions {
  /** The namespace: \`import * as ort from "onnxruntime-node"\` or \`"onnxruntime-web"\`. */
  readonly ort: Runtime;
  /** Where the model lies, or its bytes; without: beside this module. */
  readonly model?: string | URL | Uint8Array;${facts.data === undefined ? "" : dataOption}
  /** Handed on to InferenceSession.create: \`executionProviders\` and whatever else a session takes. */
  readonly options?: object;
}

export interface Model {
  /** Throws TypeError for an input of another type or shape. */
  run(input: Input): Promise<Outputs>;
  /** Frees the session. */
  release(): Promise<void>;
}

${facts.hasWeights ? loadDeclaration : refusingDeclaration}`;
}

/** What the declarations of all targets begin with: input, outputs and labels. */
export function factsDeclarations(facts: ClientFacts, runtime: string): string {
  const { title, input, outputs, labels } = facts;
  const { array } = arrayOf(input.dtype);
  return `/** ${title}: a typed client for ${runtime}. */

/** Numbers in row-major order; \`number\` in the shape is a dimension that the input decides. */
export interface Tensor<Shape extends readonly number[], Data> {
  readonly dims: Shape;
  readonly data: Data;
}

/** ${inputText(facts)} */
export type Input = Tensor<${tupleType(input.shape)}, ${array}>;

/** By tap. */
export interface Outputs {
${outputs.map(outputMember).join("")}}

/** The input contract: how a picture becomes the input tensor. */
export declare const input: ${literalType(input)};

/** What each output is, by tap. */
export declare const outputs: {
${outputs.map((o) => `  readonly ${JSON.stringify(o.name)}: ${literalType(outputFacts(o))};\n`).join("")}};

/** Names of the classes, by index. */
export declare const labels: ${labelsType(labels)};
`;
}

const dataOption = `
  /**
   * The file of the weights: its bytes or, with onnxruntime-web, where it lies; without: beside the model. A model that
   * is given as bytes needs it.
   */
  readonly data?: string | URL | Uint8Array;`;

export const loadDeclaration = `/** Opens a session. */
export declare function load(options: LoadOptions): Promise<Model>;
`;

export const refusingDeclaration = `/** Throws: the artifact was compiled without weights. */
export declare function load(options: LoadOptions): Promise<never>;
`;

const inputText = ({ input: { layout, normalized } }: ClientFacts): string =>
  normalized === "inside"
    ? `${layout}: pixels of pictures that have this size; the model normalises them.`
    : `${layout}: pictures prepared and normalised as \`input\` says.`;

/** A dimension that the input decides is any number. */
const tupleType = (shape: Shape): string =>
  `readonly [${shape.map((dim) => (typeof dim === "number" ? dim : "number")).join(", ")}]`;

const outputMember = (output: ManifestOutput): string => {
  const text = commentText(outputText(output));
  const comment = text === "" ? "" : `  /** ${text} */\n`;
  return `${comment}  readonly ${JSON.stringify(output.name)}: Tensor<${tupleType(output.shape)}, ${arrayOf(output.dtype).array}>;\n`;
};

const outputText = ({ module, format, channels, reduction, softmax }: ManifestOutput): string =>
  [
    softmax ? "Probabilities." : undefined,
    module === null ? undefined : `Module ${module}.`,
    format === null ? undefined : `${format}.`,
    channels === null ? undefined : `${channels} channels.`,
    reduction === null ? undefined : `1/${reduction} of the input's size.`,
  ]
    .filter((part) => part !== undefined)
    .join(" ");

function labelsType(labels: ClientFacts["labels"]): string {
  if (labels === null) return "null";
  return labels.includes(null) ? "readonly (string | null)[]" : "readonly string[]";
}
