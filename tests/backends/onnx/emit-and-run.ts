import { emitOnnx } from "../../../src/backends/onnx/emit.ts";
import type { OperatorSet } from "../../../src/backends/onnx/forms.ts";
import { encodeNumbers } from "../../../src/ir/bytes.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { NdArray } from "../../../src/ir/ndarray.ts";
import { type StaticType, isStaticType, substituteType } from "../../../src/ir/type.ts";
import { is } from "../../../src/ir/value.ts";
import { runOnnx } from "../../ir/ops/hand-model.ts";

/** The numbers of an input or a parameter by its name. */
export type Numbers = (name: string, shape: readonly number[]) => NdArray;

/** The outputs of a graph under ONNX Runtime for several bindings of its symbols, in one session, optimised as it is for users. */
export function emitAndRun(
  graph: Graph,
  numbers: Numbers,
  bindings: readonly Readonly<Record<string, number>>[],
  opset: number,
  ops: OperatorSet = "standard",
): Promise<ReadonlyMap<string, NdArray>[]> {
  const bytes = (key: string, { dtype, shape }: StaticType) => encodeNumbers(dtype, numbers(key, shape).data);
  const options = { opset, ops, producerVersion: "", metadata: [] };
  const { model, initializers } = emitOnnx(graph, { bytes }, options);
  const inputs = [...graph.values()].filter((value) => is(value, "input"));
  const feeds = bindings.map((symbols) => {
    const fed = inputs.map(
      ({ name, type }) => [name, numbers(name, staticShape(substituteType(type, symbols)))] as const,
    );
    return new Map(fed);
  });
  return runOnnx(model, initializers, feeds, "all");
}

function staticShape(type: ReturnType<typeof substituteType>): readonly number[] {
  if (!isStaticType(type)) throw new RangeError("a symbol is not bound");
  return type.shape;
}
