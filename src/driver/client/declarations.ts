import type { ManifestOutput } from "../manifest.ts";
import { arrayOf } from "./arrays.ts";
import { type ClientFacts, type SizeFacts, commentText, outputFacts } from "./facts.ts";
import { literalType } from "./literal.ts";

type Shape = ManifestOutput["shape"];

/** index.d.ts of an artifact: what it takes and gives as literal types. */
export function clientDeclarations(facts: ClientFacts): string {
  const runtimes = "onnxruntime-node and onnxruntime-web";
  if (facts.sizes !== undefined) return sizedDeclarations(facts, facts.sizes, runtimes);
  return `${factsDeclarations(facts, runtimes)}
${runtimeDeclaration(facts)}
export interface LoadOptions {
  ${ortOption}
  ${modelOption}${facts.data === undefined ? "" : dataOption}
  ${optionsOption}
}

export interface Model {
  /** Throws TypeError for an input of another type or shape. */
  run(input: Input): Promise<Outputs>;
  /** Frees the session. */
  release(): Promise<void>;
}

${facts.hasWeights ? loadDeclaration : refusingDeclaration}`;
}

const ortOption = `/** The namespace: \`import * as ort from "onnxruntime-node"\` or \`"onnxruntime-web"\`. */
  readonly ort: Runtime;`;

const modelOption = `/** Where the model lies, or its bytes; without: beside this module. */
  readonly model?: string | URL | Uint8Array;`;

const optionsOption = `/** Handed on to InferenceSession.create: \`executionProviders\` and whatever else a session takes. */
  readonly options?: object;`;

function runtimeDeclaration({ input }: ClientFacts): string {
  const { type, array } = arrayOf(input.dtype);
  return `/** What the client uses of onnxruntime-node or onnxruntime-web. */
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
`;
}

/** The same for several sizes: what a model takes and gives depends on the size that it is loaded for. */
function sizedDeclarations(facts: ClientFacts, sizes: readonly SizeFacts[], runtimes: string): string {
  const { title, input, outputs, labels } = facts;
  const { array } = arrayOf(input.dtype);
  const first = JSON.stringify(sizes[0]?.name ?? "");
  return `/** ${title}: a typed client for ${runtimes}. */

${tensorDeclaration}
/** What the model of each size takes and gives. */
export interface Sizes {
${sizes.map((size) => sizeMember(size, array)).join("")}}

/** Height and width of the input. */
export type Size = keyof Sizes;

/** ${inputText(facts)} */
export type Input<S extends Size = ${first}> = Sizes[S]["input"];

/** By tap. */
export type Outputs<S extends Size = ${first}> = Sizes[S]["outputs"];

/** The input contract of the first size: how a picture becomes the input tensor. */
export declare const input: ${literalType(input)};

/** What each output of the first size is, by tap. */
export declare const outputs: ${outputsType(outputs, "")};

/** The same of every size. */
export declare const sizes: {
${sizes.map((s) => `  readonly ${JSON.stringify(s.name)}: {\n    readonly input: ${literalType(s.input)};\n    readonly outputs: ${outputsType(s.outputs, "    ")};\n  };\n`).join("")}};

/** Names of the classes, by index. */
export declare const labels: ${labelsType(labels)};

${runtimeDeclaration(facts)}
export interface LoadOptions<S extends Size = ${first}> {
  ${ortOption}
  /** Of the pictures; default ${first.slice(1, -1)}. */
  readonly size?: S;
  /** Where the model of that size lies, or its bytes; without: beside this module. */
  readonly model?: string | URL | Uint8Array;${dataOption}
  ${optionsOption}
}

export interface Model<S extends Size = ${first}> {
  /** Throws TypeError for an input of another type or shape. */
  run(input: Input<S>): Promise<Outputs<S>>;
  /** Frees the session. */
  release(): Promise<void>;
}

${facts.hasWeights ? sizedLoadDeclaration(first) : refusingDeclaration}`;
}

const sizedLoadDeclaration = (first: string): string => `/** Opens a session of one size. */
export declare function load<S extends Size = ${first}>(options: LoadOptions<S>): Promise<Model<S>>;
`;

const sizeMember = (
  { name, input, outputs }: SizeFacts,
  array: string,
): string => `  readonly ${JSON.stringify(name)}: {
    readonly input: Tensor<${tupleType(input.shape)}, ${array}>;
    readonly outputs: {
${outputs.map((output) => outputMember(output).replaceAll(/^/gm, "    ").trimEnd()).join("\n")}
    };
  };
`;

const outputsType = (outputs: readonly ManifestOutput[], margin: string): string =>
  `{\n${outputs.map((o) => `${margin}  readonly ${JSON.stringify(o.name)}: ${literalType(outputFacts(o))};\n`).join("")}${margin}}`;

const tensorDeclaration = `/** Numbers in row-major order; \`number\` in the shape is a dimension that the input decides. */
export interface Tensor<Shape extends readonly number[], Data> {
  readonly dims: Shape;
  readonly data: Data;
}
`;

/** What the declarations of all targets begin with: input, outputs and labels. */
export function factsDeclarations(facts: ClientFacts, runtime: string): string {
  const { title, input, outputs, labels } = facts;
  const { array } = arrayOf(input.dtype);
  return `/** ${title}: a typed client for ${runtime}. */

${tensorDeclaration}
/** ${inputText(facts)} */
export type Input = Tensor<${tupleType(input.shape)}, ${array}>;

/** By tap. */
export interface Outputs {
${outputs.map(outputMember).join("")}}

/** The input contract: how a picture becomes the input tensor. */
export declare const input: ${literalType(input)};

/** What each output is, by tap. */
export declare const outputs: ${outputsType(outputs, "")};

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
