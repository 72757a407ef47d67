import type { OnnxAttribute, OnnxModel, OnnxNode, OnnxValueInfo } from "../../backends/onnx/model.ts";
import { byName, changesOf, fieldChanges, isUnchanged } from "./changes.ts";
import type { GraphDiff, NodeChange, OperatorCount } from "./report.ts";

/** Two models without their weights, node by node. Nodes are called after modules, so a name says what a node is for. */
export function graphDiff(a: OnnxModel, b: OnnxModel): GraphDiff {
  const nodes = (model: OnnxModel): Map<string, OnnxNode> =>
    byName(model.nodes, (node) => node.name || (node.outputs[0] ?? ""));
  const values = (model: OnnxModel) => Object.fromEntries(model.valueInfo.map((v) => [v.name, typeText(v)]));
  return {
    model: fieldChanges(modelFields(a), modelFields(b)),
    operators: operatorCounts(a, b),
    nodes: changesOf(nodes(a), nodes(b), (name, node) => ({ name, operator: operatorOf(node) }), nodeChange),
    values: fieldChanges(values(a), values(b)),
  };
}

const modelFields = ({
  irVersion,
  opsetImports,
  producer,
  graphName,
  inputs,
  outputs,
  metadata,
}: OnnxModel): unknown => ({
  ir_version: irVersion,
  opsets: Object.fromEntries(opsetImports.map(({ domain, version }) => [domain || "ai.onnx", version])),
  producer,
  graph: graphName,
  inputs: Object.fromEntries(inputs.map((v) => [v.name, typeText(v)])),
  outputs: Object.fromEntries(outputs.map((v) => [v.name, typeText(v)])),
  output_order: outputs.map(({ name }) => name),
  metadata: Object.fromEntries(metadata),
});

/** `f32[N,64,56,56]` */
const typeText = ({ dtype, shape }: Pick<OnnxValueInfo, "dtype" | "shape">): string => `${dtype}[${shape.join(",")}]`;

/** With the domain, where it is not ONNX's own. */
const operatorOf = ({ opType, domain = "" }: OnnxNode): string => (domain === "" ? opType : `${domain}.${opType}`);

function nodeChange(name: string, a: OnnxNode, b: OnnxNode): NodeChange | undefined {
  const changes = fieldChanges(nodeFields(a), nodeFields(b));
  return changes.length === 0 ? undefined : { name, operator: operatorOf(b), changes };
}

const nodeFields = (node: OnnxNode): unknown => ({
  operator: operatorOf(node),
  inputs: node.inputs,
  outputs: node.outputs,
  ...Object.fromEntries(
    Object.entries(node.attributes).map(([name, value]) => [`attributes.${name}`, attributeValue(value)]),
  ),
});

/** As JSON; of a tensor its type and bytes. Kinds are told apart: 1 and 1.0 are an int and a float. */
function attributeValue(attribute: OnnxAttribute): unknown {
  switch (attribute.kind) {
    case "int":
    case "ints":
    case "string":
    case "strings":
      return attribute.value;
    case "float":
      return { float: attribute.value };
    case "floats":
      return { floats: attribute.value };
    case "tensor": {
      const { dtype, dims, bytes } = attribute.value;
      return { tensor: typeText({ dtype, shape: dims }), bytes: Buffer.from(bytes).toString("hex") };
    }
    default:
      return attribute satisfies never;
  }
}

function operatorCounts(a: OnnxModel, b: OnnxModel): OperatorCount[] {
  const count = ({ nodes }: OnnxModel): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const node of nodes) counts.set(operatorOf(node), (counts.get(operatorOf(node)) ?? 0) + 1);
    return counts;
  };
  const [one, other] = [count(a), count(b)];
  return [...new Set([...one.keys(), ...other.keys()])]
    .toSorted((x, y) => (x < y ? -1 : 1))
    .map((operator) => ({ operator, a: one.get(operator) ?? 0, b: other.get(operator) ?? 0 }))
    .filter(({ a: before, b: after }) => before !== after);
}

/** Whether the graphs are the same. */
export const isSameGraph = ({ model, nodes, values }: GraphDiff): boolean =>
  model.length + values.length === 0 && isUnchanged(nodes);
