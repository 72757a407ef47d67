import { encodeNumbers } from "../../ir/bytes.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import { evaluateWeight } from "../../ir/interpret.ts";
import type { OpName } from "../../ir/ops/index.ts";
import { type StaticType, type TensorType, count, isStaticType, printType } from "../../ir/type.ts";
import { type Value, is } from "../../ir/value.ts";
import { nameOf } from "../../ir/name.ts";
import { printDim } from "../../ir/dim.ts";
import { deadCode } from "../../passes/whole-graph/dead-code.ts";
import { runPipeline } from "../../passes/pass.ts";
import { type Parameters, readsParameter, weightEnvironment } from "../parameters.ts";
import { checkModel } from "./check.ts";
import { requireHalves } from "./half-weights.ts";
import { type OperatorSet, contribDomain, contribVersion } from "./forms.ts";
import { legalization } from "./legalize.ts";
import { Lowerer } from "./lower/lowerer.ts";
import { type OnnxModel, type OnnxValueInfo, irVersionOf } from "./model.ts";
import type { Initializer } from "./writer.ts";

interface OnnxOptions {
  readonly opset: number;
  /** Without: "standard". */
  readonly ops?: OperatorSet;
  readonly producerVersion: string;
  readonly metadata: readonly (readonly [key: string, value: string])[];
  /** Names in the model of the input and of outputs that the graph calls otherwise. */
  readonly names?: Readonly<Record<string, string>>;
}

/** An initializer, and whether its values come from the checkpoint: without one they are not known. */
export interface EmittedInitializer extends Initializer {
  bytes(): Uint8Array;
  readonly fromCheckpoint: boolean;
  /** The weight whose values it holds; undefined for a constant that the emission adds. */
  readonly weight: Value | undefined;
}

/** A model ready to be written: everything but the bytes of its weights. */
export interface EmittedModel {
  readonly model: OnnxModel;
  readonly initializers: readonly EmittedInitializer[];
}

/**
 * Turns a graph into an ONNX model whose outputs are named as the graph's, or as `names` says. Nothing is read from `parameters` here: each
 * initializer asks for its bytes when it is written. The model is checked against the operator schemas of the opset;
 * a finding is a defect of this compiler and is reported as `invalid-ir`.
 */
export function emitOnnx(graph: Graph, parameters: Parameters, options: OnnxOptions): EmittedModel {
  const { opset, ops = "standard", names: given = {} } = options;
  const { graph: legal } = graph.clone();
  legal.setOutputs(legal.outputs.map(({ name, value }) => ({ name: given[name] ?? name, value })));
  runPipeline(legal, [legalization({ opset, ops }), deadCode]);
  const { tensors: names, nodes } = nameValues(legal, given);
  const values = [...legal.values()];
  const inputs = values.filter((v) => is(v, "input"));
  const nameOfTensor = (v: Value): string => names.get(v) ?? v.name;
  const nodeNameOf = (v: Value): string => nodes.get(v) ?? nameOfTensor(v);
  const lowerer = new Lowerer({ opset, ops, inputs, nameOf: nameOfTensor, nodeNameOf });
  const spread = spreadWeights(legal);
  for (const value of values) if (value.op !== "input" && (!value.isWeight || spread.has(value))) lowerer.lower(value);
  for (const { name, value } of legal.outputs)
    if (names.get(value) !== name)
      lowerer.nodes.push({
        opType: "Identity",
        name: `${name}/Identity`,
        inputs: [nameOfTensor(value)],
        outputs: [name],
        attributes: {},
      });
  const hasContrib = lowerer.nodes.some((node) => node.domain === contribDomain);
  const model: OnnxModel = {
    irVersion: irVersionOf(opset),
    opsetImports: [
      { domain: "", version: opset },
      ...(hasContrib ? [{ domain: contribDomain, version: contribVersion }] : []),
    ],
    producer: { name: "timmc", version: options.producerVersion },
    graphName: legal.name,
    nodes: lowerer.nodes,
    inputs: inputs.map((v) => valueInfo(nameOfTensor(v), v)),
    outputs: legal.outputs.map((o) => valueInfo(o.name, o.value)),
    valueInfo: values
      .filter((v) => isBatchLost(v) && !legal.outputs.some((o) => o.value === v))
      .map((v) => valueInfo(nameOfTensor(v), v)),
    metadata: options.metadata,
  };
  const used = new Set(lowerer.nodes.flatMap((n) => n.inputs));
  const weights = values.filter((v) => v.isWeight && !spread.has(v) && used.has(nameOfTensor(v)));
  const initializers = [
    ...weights.map((v) => weightInitializer(v, nameOfTensor(v), parameters)),
    ...[...lowerer.constants].map(([name, x]): EmittedInitializer => ({
      header: { name, dtype: x.dtype, dims: x.shape },
      bytes: () => encodeNumbers(x.dtype, x.data),
      fromCheckpoint: false,
      weight: undefined,
    })),
  ];
  requireValid(model, initializers);
  return { model, initializers };
}

interface Names {
  /** Of tensors. An input and a value that is an output have the names given. */
  readonly tensors: ReadonlyMap<Value, string>;
  /** Of the nodes that compute a value: its module path. */
  readonly nodes: ReadonlyMap<Value, string>;
}

/** ONNX names, all of them different. What runs is called after its module, weights keep the names that the graph gives them. */
function nameValues(graph: Graph, given: Readonly<Record<string, string>>): Names {
  const tensors = new Map<Value, string>();
  const nodes = new Map<Value, string>();
  const values = [...graph.values()];
  for (const value of values) if (is(value, "input")) tensors.set(value, given[value.name] ?? value.name);
  const taken = new Set([...tensors.values(), ...graph.outputs.map((o) => o.name)]);
  for (const { name, value } of graph.outputs)
    if (!value.isWeight && value.op !== "input" && !tensors.has(value)) tensors.set(value, name);
  const claim = (candidate: (n: number) => string): string => {
    let n = 0;
    while (taken.has(candidate(n))) n++;
    taken.add(candidate(n));
    return candidate(n);
  };
  for (const value of values)
    if (value.isWeight)
      tensors.set(
        value,
        claim((n) => value.name + "~".repeat(n)),
      );
  for (const value of values)
    if (!value.isWeight && value.op !== "input") {
      // Numbered where a module has several results; passes leave gaps in the graph's own numbers.
      const name = claim((n) => nameOf(value.origin.path, n));
      nodes.set(value, name);
      if (!tensors.has(value)) tensors.set(value, name);
    }
  return { tensors, nodes };
}

/**
 * Shape inference drops a symbolic extent of Resize's operand, which by scales it cannot name. ONNX Runtime then does not
 * see that two maps have one shape, and takes them out of its blocked layout; the model therefore says it.
 */
const isBatchLost = (value: Value): boolean => is(value, "resize") && !value.isWeight && !isStaticType(value.type);

const valueInfo = (name: string, value: Value): OnnxValueInfo => ({
  name,
  dtype: value.type.dtype,
  shape: value.type.shape.map((d) => (typeof d === "number" ? d : printDim(d))),
});

/** Ops whose result can repeat its operands, in a form that ONNX has as it is. */
const repeating: ReadonlySet<OpName> = new Set(["add", "div", "expand", "maximum", "minimum", "mul", "sub", "where"]);

/**
 * Weights that run with the model although they could be evaluated before. Those that hold more elements than all their
 * operands together, and whose users run: stored, a bias [1, h, n, n] plus a mask [w, 1, n, n] would fill the file with
 * w h n n numbers, most of them repetitions; computed, it costs one pass over what its user reads anyway. And those that
 * were quantised, or that are kept as halves and read as float32: the file holds the narrow numbers.
 */
function spreadWeights(graph: Graph): ReadonlySet<Value> {
  const spread = new Set<Value>();
  const usedByRunning = new Set<Value>();
  for (const value of graph.reversed()) {
    if (value.isWeight && usedByRunning.has(value) && repeats(value)) spread.add(value);
    if (value.isWeight && !spread.has(value)) continue;
    for (const x of value.operands) if (x !== undefined) usedByRunning.add(x);
  }
  return spread;
}

function repeats({ op, operands, type }: Value): boolean {
  if (op === "dequantize") return true;
  if (op === "cast") return operands[0]?.type.dtype === "f16" && type.dtype === "f32";
  const size = (t: TensorType): number => (isStaticType(t) ? count(t.shape) : Number.POSITIVE_INFINITY);
  return repeating.has(op) && size(type) > operands.reduce((n, x) => n + (x === undefined ? 0 : size(x.type)), 0);
}

/** A plain parameter travels as its bytes; an expression is evaluated in float64 and rounded once. */
function weightInitializer(value: Value, name: string, parameters: Parameters): EmittedInitializer {
  const type: StaticType | undefined = isStaticType(value.type) ? value.type : undefined;
  if (type === undefined)
    throw new TimmcError("invalid-ir", `the weight %${value.name} has the type ${printType(value.type)}`);
  const bytes = is(value, "param")
    ? () => parameters.bytes(value.attrs.key, type)
    : () => {
        const { data } = evaluateWeight(value, weightEnvironment(parameters));
        if (type.dtype === "f16") requireHalves(value.origin.path, data);
        return encodeNumbers(type.dtype, data);
      };
  return {
    header: { name, dtype: type.dtype, dims: type.shape },
    bytes,
    fromCheckpoint: readsParameter(value),
    weight: value,
  };
}

function requireValid(model: OnnxModel, initializers: readonly Initializer[]): void {
  const [first, ...more] = checkModel(
    model,
    initializers.map((i) => i.header),
  );
  if (first === undefined) return;
  const also = more.length > 0 ? ` (and ${more.length} more)` : "";
  throw new TimmcError(
    "invalid-ir",
    `the emitted graph breaks an ONNX schema: ${first.node} ${first.op}: ${first.message}${also}`,
    {
      hint: "This is a defect of timmc; please report it with the command.",
    },
  );
}
