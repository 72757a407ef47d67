import { count } from "../ir/type.ts";
import { type Observer, type Pipeline, runPipeline } from "../passes/pass.ts";
import type { LoweredModel } from "../zoo/lower.ts";
import { describeOutputs } from "./describe-tap.ts";
import { type LoweredRequest, perImageOf, symbolsOf } from "./lower-request.ts";
import type { Manifest } from "./manifest.ts";
import { type GraphSize, type PassReport, measureGraph, parameterBytes, reporting } from "./pass-observers.ts";
import type { EmittedGraph, Source } from "./target/target.ts";

/** A network as the passes left it, and what is said of it. */
export interface BuiltGraph extends Source {
  readonly before: SizeBefore;
  readonly outputs: Manifest["outputs"];
  readonly passes: readonly PassReport[];
}

interface SizeBefore extends GraphSize {
  readonly weightBytes: number;
}

/** Runs the pipeline on the lowered graph, which it rewrites. Reads no weights. */
export function buildGraph(source: Source, pipeline: Pipeline, observers: readonly Observer[] = []): BuiltGraph {
  const { request, lowering } = source;
  const perImage = perImageOf(lowering);
  const before = measureBefore(perImage);
  const outputs = describeOutputs(lowering, perImage);
  const passes: PassReport[] = [];
  runPipeline(lowering.lowered.graph, pipeline, [...observers, reporting(passes, request.batch, symbolsOf(lowering))]);
  return { ...source, before, outputs, passes };
}

/** Costs are counted on a dynamic batch, as those that timm publishes. */
function measureBefore({ lowered: { graph } }: LoweredRequest): SizeBefore {
  return { ...measureGraph(graph), weightBytes: parameterBytes(graph) };
}

/** The network before and after the passes. */
export function describeSize(
  { lowering, request: { batch }, before }: BuiltGraph,
  { onnxNodes, weightBytes }: Omit<EmittedGraph, "model">,
): Pick<Manifest, "macs" | "macs_optimized" | "graph"> {
  const after = measureGraph(lowering.lowered.graph, batch, symbolsOf(lowering));
  return {
    macs: before.macs,
    macs_optimized: after.macs,
    graph: {
      nodes: { before: before.nodes, after: after.nodes },
      onnx_nodes: onnxNodes,
      weight_bytes: { before: before.weightBytes, after: weightBytes },
    },
  };
}

/** Numbers in the parameters of the whole architecture; buffers are none. */
export const parameterCount = ({ parameters }: LoweredModel): number =>
  parameters.reduce((n, p) => n + (p.kind === "parameter" ? count(p.shape) : 0), 0);
