import type { OnnxAttribute, OnnxModel, OnnxNode } from "../../../src/backends/onnx/model.ts";
import { irVersionOf } from "../../../src/backends/onnx/model.ts";
import { type Initializer, modelFile } from "../../../src/backends/onnx/writer.ts";
import { decodeNumbers, encodeNumbers } from "../../../src/ir/bytes.ts";
import type { DType } from "../../../src/ir/dtype.ts";
import { type NdArray, ndarray } from "../../../src/ir/ndarray.ts";
import { count } from "../../../src/ir/type.ts";
import * as ort from "onnxruntime-node";

type Plain = number | string | readonly number[];

/** `{ axis: 1 }` as ONNX attributes; a float is written `{ float: 1 }`. */
export type PlainAttributes = Readonly<Record<string, Plain | { readonly float: number }>>;

const attributeOf = (value: PlainAttributes[string]): OnnxAttribute => {
  if (typeof value === "number") return { kind: "int", value };
  if (typeof value === "string") return { kind: "string", value };
  return "float" in value ? { kind: "float", value: value.float } : { kind: "ints", value };
};

export const initializer = (name: string, array: NdArray): Initializer => ({
  header: { name, dtype: array.dtype, dims: array.shape },
  bytes: () => encodeNumbers(array.dtype, array.data),
});

/** A model of many small nodes over constants, written by hand, for one session. */
export class HandModel {
  readonly opset: number;
  readonly #nodes: OnnxNode[] = [];
  readonly #tensors: Initializer[] = [];
  readonly #outputs: { name: string; dtype: DType; shape: readonly number[] }[] = [];

  constructor(opset: number) {
    this.opset = opset;
  }

  constant(array: NdArray): string {
    const name = `constant${this.#tensors.length}`;
    this.#tensors.push(initializer(name, array));
    return name;
  }

  floats(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.constant(ndarray("f32", shape, Float64Array.from(values)));
  }

  ints(values: readonly number[], shape: readonly number[] = [values.length]): string {
    return this.constant(ndarray("i64", shape, Float64Array.from(values)));
  }

  full(shape: readonly number[], value: number): string {
    return this.floats(
      Array.from({ length: count(shape) }, () => value),
      shape,
    );
  }

  op(opType: string, inputs: readonly string[], attributes: PlainAttributes = {}): string {
    const [name = ""] = this.several(opType, inputs, 1, attributes);
    return name;
  }

  /** An operator of several results. */
  several(opType: string, inputs: readonly string[], results: number, attributes: PlainAttributes = {}): string[] {
    const name = `node${this.#nodes.length}`;
    const named = Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)] as const);
    const outputs = Array.from({ length: results }, (_, i) => (i === 0 ? name : `${name}.${i}`));
    this.#nodes.push({ opType, name, inputs, outputs, attributes: Object.fromEntries(named) });
    return outputs;
  }

  /** Asks for a node's result; the type is what the caller expects, and ONNX Runtime refuses another. */
  output(name: string, { dtype, shape }: NdArray): void {
    this.#outputs.push({ name, dtype, shape });
  }

  async run(): Promise<ReadonlyMap<string, NdArray>> {
    const model: OnnxModel = {
      irVersion: irVersionOf(this.opset),
      opsetImports: [{ domain: "", version: this.opset }],
      producer: { name: "by hand", version: "" },
      graphName: "by hand",
      nodes: this.#nodes,
      inputs: [],
      outputs: this.#outputs,
      valueInfo: [],
      metadata: [],
    };
    return runOnnx(model, this.#tensors, []).then(([results]) => results ?? new Map());
  }
}

/** Runs a model in ONNX Runtime, once for every set of feeds (once without any); without its graph optimisations unless told. */
export async function runOnnx(
  model: OnnxModel,
  tensors: readonly Initializer[],
  feeds: readonly ReadonlyMap<string, NdArray>[],
  graphOptimizationLevel: "disabled" | "all" = "disabled",
): Promise<ReadonlyMap<string, NdArray>[]> {
  const parts = Array.from(modelFile(model, tensors), (part) => part.slice());
  const session = await ort.InferenceSession.create(Buffer.concat(parts), {
    graphOptimizationLevel,
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const results: ReadonlyMap<string, NdArray>[] = [];
  for (const feed of feeds.length === 0 ? [new Map<string, NdArray>()] : feeds) {
    const fed = Object.fromEntries([...feed].map(([name, array]) => [name, toOrt(array)]));
    const fetched = await session.run(fed);
    results.push(new Map(Object.entries(fetched).map(([name, tensor]) => [name, fromOrt(tensor)])));
  }
  await session.release();
  return results;
}

const ortTypes = {
  f32: "float32",
  f64: "float64",
  f16: "float16",
  i64: "int64",
  i32: "int32",
  u8: "uint8",
  i8: "int8",
  bool: "bool",
} as const;
type OrtDType = keyof typeof ortTypes;

function toOrt({ dtype, shape, data }: NdArray): ort.Tensor {
  const numbers = Array.from(data);
  switch (dtype) {
    case "f32":
      return new ort.Tensor("float32", Float32Array.from(data), shape);
    case "i64":
      return new ort.Tensor("int64", BigInt64Array.from(numbers, BigInt), shape);
    case "bool":
      return new ort.Tensor("bool", Uint8Array.from(numbers), shape);
    case "u8":
      return new ort.Tensor("uint8", Uint8Array.from(numbers), shape);
    case "i8":
      return new ort.Tensor("int8", Int8Array.from(numbers), shape);
    default:
      throw new TypeError(`no test feeds ${dtype}`);
  }
}

function fromOrt(tensor: ort.Tensor): NdArray {
  const dtype = (Object.keys(ortTypes) as OrtDType[]).find((name) => ortTypes[name] === tensor.type);
  const { data } = tensor;
  if (dtype === undefined || !ArrayBuffer.isView(data)) throw new TypeError(`no test reads ${tensor.type}`);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return ndarray(dtype, tensor.dims, decodeNumbers(dtype, bytes));
}
