import { readFileSync } from "node:fs";
import onnxProto from "onnx-proto";

/** What the nodes of a model file are. */
export interface NodeCounts {
  readonly nodes: number;
  /** Nodes that depend on the model's input: the others are constant, and a runtime computes them once. */
  readonly live: number;
  /** Live nodes but BatchNormalization, which torch's exporter folds into convolutions. */
  readonly comparable: number;
  readonly byType: Readonly<Record<string, number>>;
}

export function countNodes(path: string): NodeCounts {
  const { graph } = onnxProto.onnx.ModelProto.decode(readFileSync(path));
  const nodes = graph?.node ?? [];
  const initializers = new Set(graph?.initializer?.map((tensor) => tensor.name));
  const live = new Set(graph?.input?.map((input) => input.name ?? "").filter((name) => !initializers.has(name)));
  const byType: Record<string, number> = {};
  let liveNodes = 0;
  let batchNorms = 0;
  for (const { opType, input, output } of nodes) {
    const type = opType ?? "";
    byType[type] = (byType[type] ?? 0) + 1;
    if (input?.some((name) => live.has(name)) !== true) continue;
    for (const name of output ?? []) live.add(name);
    liveNodes++;
    if (type === "BatchNormalization") batchNorms++;
  }
  return { nodes: nodes.length, live: liveNodes, comparable: liveNodes - batchNorms, byType };
}
