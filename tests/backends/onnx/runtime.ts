import { InferenceSession, Tensor } from "onnxruntime-node";
import type { OnnxDType, OnnxValueInfo } from "../../../src/backends/onnx/model.ts";
import { tensorByteLength } from "../../../src/backends/onnx/model.ts";

const options = { graphOptimizationLevel: "disabled", logSeverityLevel: 4, intraOpNumThreads: 1 } as const;

/** ONNX Runtime's answer to a file: undefined when it loads, else its message. */
export async function refusal(file: Uint8Array | string): Promise<string | undefined> {
  try {
    const session = await open(file);
    await session.release();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

export const open = (file: Uint8Array | string): Promise<InferenceSession> =>
  typeof file === "string" ? InferenceSession.create(file, options) : InferenceSession.create(file, options);

const names = {
  f32: "float32",
  i64: "int64",
  i32: "int32",
  u8: "uint8",
  i8: "int8",
  bool: "bool",
  f64: "float64",
} as const;
type Runnable = keyof typeof names;
const isRunnable = (dtype: OnnxDType): dtype is Runnable => Object.hasOwn(names, dtype);

/** A tensor of zeros for a graph input without symbolic dimensions. */
export function zeros({ dtype, shape }: OnnxValueInfo): Tensor {
  const dims = shape.map(Number);
  if (!isRunnable(dtype)) throw new TypeError(dtype);
  const { buffer } = new Uint8Array(tensorByteLength({ dtype, dims }));
  switch (dtype) {
    case "f32":
      return new Tensor("float32", new Float32Array(buffer), dims);
    case "f64":
      return new Tensor("float64", new Float64Array(buffer), dims);
    case "i64":
      return new Tensor("int64", new BigInt64Array(buffer), dims);
    case "i32":
      return new Tensor("int32", new Int32Array(buffer), dims);
    case "i8":
      return new Tensor("int8", new Int8Array(buffer), dims);
    case "u8":
    case "bool":
      return new Tensor(names[dtype], new Uint8Array(buffer), dims);
  }
}

/** ONNX Runtime's name of a dtype. */
export const runtimeName = (dtype: OnnxDType): string => (isRunnable(dtype) ? names[dtype] : dtype);
