import type { Graph } from "../ir/graph.ts";
import type { Pipeline } from "../passes/pass.ts";
import type { NpyArray } from "../runtime/npy.ts";
import type { Failure } from "./certificate.ts";
import type { Manifest } from "./manifest.ts";
import { type Outputs, measure, passes } from "./verify-compare.ts";
import { type GraphRunner, interpretGraph, runGraph } from "./verify-reference.ts";

export interface Suspect {
  readonly manifest: Manifest;
  /** The unoptimised graph, and the passes that made the artifact of it. */
  readonly graph: Graph;
  readonly pipeline: Pipeline;
  readonly runner: GraphRunner;
  /** Whether the float64 interpreter is quick enough for this network. */
  readonly isSmall: boolean;
}

/**
 * Finds the first step between the unoptimised graph and the artifact at which an output leaves its budget on one input:
 * prefixes of the pipeline are emitted and run in turn. Where the interpreter can tell, a prefix whose function is still
 * the same convicts the emission and not the pass.
 */
export async function findCulprit(suspect: Suspect, input: NpyArray): Promise<Failure> {
  const { manifest, pipeline, runner, isSmall } = suspect;
  const graph = suspect.graph.clone().graph;
  const run = async (optimization?: "all"): Promise<Outputs> => {
    const [outputs = new Map()] = await runGraph(runner, graph, [input], optimization);
    return outputs;
  };
  const agree = (reference: Outputs, actual: Outputs): boolean =>
    measure(manifest.outputs, reference, actual).every(passes);

  const unoptimised = await run();
  const truth = isSmall ? interpretGraph(runner, graph, input) : undefined;
  const emission = (after: string | null): Failure => ({
    stage: "emission",
    pass: after,
    message: `the ${after === null ? "unoptimised graph" : `graph after the pass ${after}`} is right in the interpreter and wrong once it is emitted as ONNX`,
  });
  if (truth !== undefined && !agree(truth, unoptimised)) return emission(null);
  for (const pass of pipeline) {
    const counts = Object.values(pass.run(graph));
    if (counts.every((n) => n === 0) || agree(unoptimised, await run())) continue;
    const isRight = truth !== undefined && agree(truth, interpretGraph(runner, graph, input));
    if (isRight) return emission(pass.name);
    return { stage: "pass", pass: pass.name, message: `the pass ${pass.name} is the first to change an output` };
  }
  if (!agree(unoptimised, await run("all")))
    return {
      stage: "runtime",
      pass: null,
      message: "the model is right as it is written and wrong under ONNX Runtime's own graph optimisations",
    };
  return {
    stage: "artifact",
    pass: null,
    message: `the model file is not what this timmc makes of its source; it was written by timmc ${manifest.compiler.version}`,
  };
}
