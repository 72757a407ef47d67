import type { DType } from "../../../ir/dtype.ts";
import { TimmcError, within } from "../../../ir/error.ts";
import { type NdArray, ndarray } from "../../../ir/ndarray.ts";
import type { OpName } from "../../../ir/ops/index.ts";
import { count } from "../../../ir/type.ts";
import type { Value } from "../../../ir/value.ts";
import { type Forms, contribDomain } from "../forms.ts";
import type { OnnxAttribute, OnnxNode } from "../model.ts";
import type { Lowering, LoweringContext } from "./context.ts";
import { lowerings } from "./index.ts";
import { Shapes } from "./shapes.ts";

interface LowererOptions extends Forms {
  /** The inputs of the graph: symbols are read from their shapes. */
  readonly inputs: readonly Value<"input">[];
  /** The ONNX name of a value: unique, and without a slash, which the names made here have. */
  nameOf(value: Value): string;
  /** What the nodes of a value are called by, as unique and without a slash: the module. */
  nodeNameOf(value: Value): string;
}

/**
 * Writes the values of a legalised graph, in its order, as nodes. Operands that are inputs or weights are named by
 * `nameOf` and come from elsewhere. Nodes are named `module/OpType`, shapes `dim/expression`, constants `constant/type:values`.
 */
export class Lowerer {
  readonly nodes: OnnxNode[] = [];
  /** Small initializers that the nodes use, by name. */
  readonly constants = new Map<string, NdArray>();
  readonly #options: LowererOptions;
  readonly #shapes: Shapes;

  constructor(options: LowererOptions) {
    this.#options = options;
    this.#shapes = new Shapes({
      inputs: options.inputs,
      nameOf: (value) => options.nameOf(value),
      ints: (values) => this.#ints(values),
      add: (node) => this.nodes.push(node),
    });
  }

  /** Appends the nodes of one value. Throws `unsupported` where ONNX cannot say what the op does. */
  lower(value: Value): void {
    const name = this.#options.nameOf(value);
    within(name, () => {
      const nodes: OnnxNode[] = [];
      const lowering = lowerings[value.op] as Lowering<OpName>;
      const result = lowering(value, this.#context(value, nodes));
      const last = nodes.pop();
      if (last?.outputs[0] !== result)
        throw new TimmcError("invalid-ir", `the lowering of ${value.op} does not end with its result`);
      this.nodes.push(...nodes, { ...last, outputs: [name] });
    });
  }

  #context(value: Value, nodes: OnnxNode[]): LoweringContext {
    const { opset, ops } = this.#options;
    const name = this.#options.nodeNameOf(value);
    const seen = new Map<string, number>();
    const full = (shape: readonly number[], number: number, dtype: DType = value.type.dtype): string =>
      this.#constant(dtype, shape, new Float64Array(count(shape)).fill(number));
    const nodeName = (opType: string): string => {
      const n = seen.get(opType) ?? 0;
      seen.set(opType, n + 1);
      return `${name}/${opType}${n === 0 ? "" : `_${n}`}`;
    };
    const emitTo =
      (domain: string): LoweringContext["emit"] =>
      (opType, inputs, attributes = {}) => {
        const node = nodeName(opType);
        const contrib = domain === "" ? {} : { domain };
        nodes.push({ opType, ...contrib, name: node, inputs, outputs: [node], attributes: given(attributes) });
        return node;
      };
    return {
      opset,
      ops,
      input: (index) => {
        const operand = value.operands[index];
        return operand === undefined ? "" : this.#options.nameOf(operand);
      },
      emit: emitTo(""),
      contrib: emitTo(contribDomain),
      several: (opType, inputs, results) => {
        const node = nodeName(opType);
        const outputs = Array.from({ length: results }, (_, i) => (i === 0 ? node : `${node}/${i}`));
        nodes.push({ opType, name: node, inputs, outputs, attributes: {} });
        return outputs;
      },
      full,
      scalar: (number, dtype) => full([], number, dtype),
      ints: (values) => this.#ints(values),
      floats: (values) => this.#constant("f32", [values.length], Float64Array.from(values)),
      shape: (dims) => this.#shapes.vector(dims),
    };
  }

  #ints(values: readonly number[]): string {
    return this.#constant("i64", [values.length], Float64Array.from(values));
  }

  /** Equal constants share a name, which says what they are. */
  #constant(dtype: DType, shape: readonly number[], values: Float64Array): string {
    const uniform = values.every((v) => v === values[0]);
    const name = `constant/${dtype}[${shape.join(",")}]:${(uniform ? values.slice(0, 1) : values).join(",")}`;
    if (!this.constants.has(name)) this.constants.set(name, ndarray(dtype, shape, values));
    return name;
  }
}

const given = (attributes: Readonly<Record<string, OnnxAttribute | undefined>>): OnnxNode["attributes"] =>
  Object.fromEntries(Object.entries(attributes).flatMap(([k, v]) => (v === undefined ? [] : [[k, v] as const])));
