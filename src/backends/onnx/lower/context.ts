import type { Dim } from "../../../ir/dim.ts";
import type { DType } from "../../../ir/dtype.ts";
import type { OpName } from "../../../ir/ops/index.ts";
import type { Value } from "../../../ir/value.ts";
import type { Forms } from "../forms.ts";
import type { OnnxAttribute } from "../model.ts";

/** Writes one IR value as ONNX nodes; the answer names the result, which the last of these nodes makes. */
export type Lowering<N extends OpName> = (value: Value<N>, c: LoweringContext) => string;

/** What a lowering sees of the model that it writes to. */
export interface LoweringContext extends Forms {
  /** The ONNX name of an operand; "" for an optional one that is absent, as ONNX writes it. */
  input(index: number): string;
  /** Adds a node of the standard operator set and gives the name of its one result. */
  emit(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute | undefined>>,
  ): string;
  /** The same for an operator of several results; the first of them is the node's name. */
  several(opType: string, inputs: readonly string[], results: number): readonly string[];
  /** As `emit`, for an operator of ONNX Runtime's own, which only the preset `ort` may have. */
  contrib(
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute | undefined>>,
  ): string;
  /** A constant of rank 0, by default of the value's own element type. Equal constants are one initializer. */
  scalar(value: number, dtype?: DType): string;
  /** A constant of any shape filled with one number, by default of the value's own element type. */
  full(shape: readonly number[], value: number, dtype?: DType): string;
  /** A vector of i64, as the shapes, axes and pads of ONNX are. */
  ints(values: readonly number[]): string;
  /** A vector of f32, as the scales of Resize are. */
  floats(values: readonly number[]): string;
  /** A shape as a vector of i64; symbols are read from the inputs' shapes, once per model. */
  shape(dims: readonly Dim[]): string;
}

export const int = (value: number): OnnxAttribute => ({ kind: "int", value });
export const ints = (value: readonly number[]): OnnxAttribute => ({ kind: "ints", value });
export const float = (value: number): OnnxAttribute => ({ kind: "float", value });
export const floats = (value: readonly number[]): OnnxAttribute => ({ kind: "floats", value });
export const string = (value: string): OnnxAttribute => ({ kind: "string", value });
