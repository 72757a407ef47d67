import type { OnnxAttribute, OnnxNode, OnnxValueInfo } from "../../src/backends/onnx/model.ts";
import { irVersionOf } from "../../src/backends/onnx/model.ts";
import { modelFile } from "../../src/backends/onnx/writer.ts";

/** A constant of a form. */
export interface Constant {
  readonly dtype: "f32" | "i64";
  readonly dims: readonly number[];
  readonly values: readonly number[];
}

/** An attribute as it reads: text, a list of integers, an integer; `float` for what is no integer, or must be a float. */
type Attribute = string | number | readonly number[] | OnnxAttribute;

/** One node: operator, operands, result, attributes. `com.microsoft::Gelu` is an operator of ONNX Runtime's own. */
export type FormNode = readonly [
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes?: Readonly<Record<string, Attribute>>,
];

/** A graph from the inputs, with the shapes that they are fed, to the value `y`. */
export interface Form {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly constants?: Readonly<Record<string, Constant>>;
  readonly nodes: readonly FormNode[];
  readonly opset?: number;
  /** Shapes of values between that shape inference would lose; their first extent is N. */
  readonly declared?: Readonly<Record<string, readonly number[]>>;
  /** Rank of `y`. */
  readonly rank: number;
}

const contrib = "com.microsoft";

/** The bytes of a form. The first extent of every input is the symbol N, as the batch of a compiled model is. */
export function formFile({ inputs, constants = {}, nodes, opset = 17, declared = {}, rank }: Form): Uint8Array {
  const initializers = Object.entries(constants).map(([name, { dtype, dims, values }]) => ({
    header: { name, dtype, dims },
    bytes: () => bytesOf(dtype, values),
  }));
  const model = {
    irVersion: irVersionOf(opset),
    opsetImports: [
      { domain: "", version: opset },
      { domain: contrib, version: 1 },
    ],
    producer: { name: "timmc bench", version: "" },
    graphName: "form",
    nodes: nodes.map(onnxNode),
    inputs: Object.entries(inputs).map(([name, shape]) => batched(name, shape)),
    outputs: [{ name: "y", dtype: "f32" as const, shape: Array.from({ length: rank }, (_, i) => `y${i}`) }],
    valueInfo: nodes.flatMap(([, , name]) => (declared[name] === undefined ? [] : [batched(name, declared[name])])),
    metadata: [],
  };
  return Buffer.concat([...modelFile(model, initializers)]);
}

const batched = (name: string, shape: readonly number[]): OnnxValueInfo => ({
  name,
  dtype: "f32",
  shape: ["N", ...shape.slice(1)],
});

function onnxNode([operator, inputs, output, attributes = {}]: FormNode, index: number): OnnxNode {
  const [opType = "", domain = ""] = operator.split("::").toReversed();
  return {
    opType,
    domain,
    name: `${opType}_${index}`,
    inputs,
    outputs: [output],
    attributes: Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, attribute(value)])),
  };
}

function attribute(value: Attribute): OnnxAttribute {
  if (typeof value === "string") return { kind: "string", value };
  if (typeof value === "number") return { kind: "int", value };
  return "kind" in value ? value : { kind: "ints", value };
}

export const float = (value: number): OnnxAttribute => ({ kind: "float", value });

const bytesOf = (dtype: Constant["dtype"], values: readonly number[]): Uint8Array =>
  new Uint8Array(dtype === "f32" ? Float32Array.from(values).buffer : BigInt64Array.from(values.map(BigInt)).buffer);

/** Numbers in [-scale, scale], the same for the same shape. */
export function numbers(dims: readonly number[], scale = 1): Constant {
  const count = dims.reduce((a, b) => a * b, 1);
  let state = count;
  const values = Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.fround(scale * (state / 2 ** 31 - 1));
  });
  return { dtype: "f32", dims, values };
}

export const scalar = (value: number): Constant => ({ dtype: "f32", dims: [], values: [value] });
export const floats = (...values: number[]): Constant => ({ dtype: "f32", dims: [values.length], values });
export const ints = (...values: number[]): Constant => ({ dtype: "i64", dims: [values.length], values });
