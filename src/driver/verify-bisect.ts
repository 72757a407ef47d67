import type { Graph } from "../ir/graph.ts";
import type { Pass, Pipeline } from "../passes/pass.ts";
import type { NpyArray } from "../runtime/npy.ts";
import type { Failure } from "./certificate.ts";
import type { Manifest } from "./manifest.ts";
import { type Outputs, measure, passes } from "./verify-compare.ts";
import { type Firing, findFiring } from "./verify-bisect-rule.ts";
import { type GraphRunner, interpretGraph, runGraph } from "./verify-reference.ts";

export interface Suspect {
  readonly manifest: Manifest;
  /** The unoptimised graph, and the passes that made the artifact of it. */
  readonly graph: Graph;
  readonly pipeline: Pipeline;
  /** Emits as the reference was emitted, and as the artifact was. */
  readonly reference: GraphRunner;
  readonly runner: GraphRunner;
  readonly progress: (text: string) => void;
  /** Whether the float64 interpreter is quick enough for this network. */
  readonly isSmall: boolean;
}

/**
 * Finds the first step between the unoptimised graph and the artifact at which an output leaves its budget on one input:
 * prefixes of the pipeline are emitted and run in turn, and of the pass at fault its rules and where they apply. Where the
 * interpreter can tell, a prefix whose function is still the same convicts the emission and not the pass.
 */
export async function findCulprit(suspect: Suspect, input: NpyArray): Promise<Failure> {
  const { manifest, pipeline, reference, runner, progress, isSmall } = suspect;
  const runOn = async (by: GraphRunner, graph: Graph, optimization?: "all"): Promise<Outputs> => {
    const [outputs = new Map()] = await runGraph(by, graph, [input], optimization);
    return outputs;
  };
  const agree = (expected: Outputs, actual: Outputs): boolean =>
    measure(manifest.outputs, expected, actual).every(passes);

  let { graph } = suspect.graph.clone();
  const unoptimised = await runOn(reference, graph);
  const truth = isSmall ? interpretGraph(runner, graph, input) : undefined;
  const isRight = async (candidate: Graph): Promise<boolean> => agree(unoptimised, await runOn(runner, candidate));

  const hasOtherOps = runner.ops !== reference.ops;

  if (truth !== undefined && !agree(truth, unoptimised)) return emissionFailure(null, "in the interpreter");
  if (hasOtherOps && !(await isRight(graph))) return emissionFailure(null, "in standard operators");
  for (const pass of pipeline) {
    progress(`looking for the fault: the graph after ${pass.name}`);
    const before = graph;
    ({ graph } = graph.clone());
    const counts = Object.values(pass.run(graph));
    if (counts.every((n) => n === 0) || (await isRight(graph))) continue;
    if (truth !== undefined && agree(truth, interpretGraph(runner, graph, input)))
      return emissionFailure(pass.name, "in the interpreter");
    if (hasOtherOps && agree(unoptimised, await runOn(reference, graph)))
      return emissionFailure(pass.name, "in standard operators");
    progress(`looking for the fault: the rules of ${pass.name}`);
    return passFailure(pass, await findFiring(pass, before, isRight));
  }
  if (!agree(unoptimised, await runOn(runner, graph, "all")))
    return failure(
      "runtime",
      "the model is right as it is written and wrong under ONNX Runtime's own graph optimisations",
    );
  const { version } = manifest.compiler;
  return failure(
    "artifact",
    `the model file is not what this timmc makes of its source; it was written by timmc ${version}`,
  );
}

const failure = (stage: Failure["stage"], message: string, pass: string | null = null): Failure => ({
  stage,
  pass,
  rule: null,
  module: null,
  message,
});

const emissionFailure = (after: string | null, where: string): Failure =>
  failure(
    "emission",
    `the ${after === null ? "unoptimised graph" : `graph after the pass ${after}`} is right ${where} and wrong once it is emitted as ONNX`,
    after,
  );

function passFailure({ name }: Pass, firing: Firing | undefined): Failure {
  const first = `the pass ${name} is the first to change an output`;
  if (firing === undefined) return failure("pass", first, name);
  const { rule, path, nth, of } = firing;
  const place = path === "" ? "" : ` at ${path}`;
  return {
    ...failure("pass", `${first}: its rule ${rule}${place}, application ${nth} of the pass's ${of}`, name),
    rule,
    module: path,
  };
}
