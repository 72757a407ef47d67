import { legalization } from "../backends/onnx/legalize.ts";
import type { Graph } from "../ir/graph.ts";
import type { Pass, Pipeline } from "../passes/pass.ts";
import type { NpyArray } from "../runtime/npy.ts";
import type { Failure } from "./certificate.ts";
import type { Manifest, ManifestOutput } from "./manifest.ts";
import type { Target } from "./target/target.ts";
import { type Measurement, type Outputs, measure } from "./verify-compare.ts";
import { type Firing, findFiring } from "./verify-bisect-rule.ts";
import { type GraphRunner, interpretGraph, runGraph } from "./run-graph.ts";
import { ownFailure } from "./verify-failure.ts";

export interface Suspect {
  readonly manifest: Manifest;
  readonly target: Target;
  readonly mismatch: () => string | null;
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

/** Outputs that are wrong on one input. */
interface Fault {
  readonly input: NpyArray;
  readonly outputs: readonly ManifestOutput[];
  /** What is no fault: an error within the budget, or within what rounding makes of this output on this input. */
  readonly isExcused: (measurement: Measurement) => boolean;
}

/**
 * Finds the first step between the unoptimised graph and the artifact at which one of these outputs goes wrong:
 * prefixes of the pipeline are emitted and run in turn, and of the pass at fault its rules and where they apply. Where the
 * interpreter can tell, a prefix whose function is still the same convicts the emission and not the pass.
 */
export async function findCulprit(suspect: Suspect, { input, outputs, isExcused }: Fault): Promise<Failure> {
  const { manifest, target, mismatch, pipeline, reference, runner, progress, isSmall } = suspect;
  const runOn = async (by: GraphRunner, graph: Graph): Promise<Outputs> => {
    const [results = new Map()] = await runGraph(by, graph, [input]);
    return results;
  };
  const agree = (expected: Outputs, actual: Outputs): boolean => measure(outputs, expected, actual).every(isExcused);

  let { graph } = suspect.graph.clone();
  const unoptimised = await runOn(reference, graph);
  const truth = isSmall ? interpretGraph(runner, graph, input) : undefined;
  const isRight = async (candidate: Graph): Promise<boolean> => agree(unoptimised, await runOn(runner, candidate));

  const hasOtherOps = runner.ops !== reference.ops;

  /** The graph's function is right, and its emission is not. */
  const emission = async (after: string | null, by: GraphRunner): Promise<Failure> => {
    if (truth === undefined) return emissionFailure(after, "in standard operators", undefined);
    const holds = (candidate: Graph): Promise<boolean> =>
      Promise.resolve(agree(truth, interpretGraph(by, candidate, input)));
    return emissionFailure(after, "in the interpreter", await findFiring(legalization(by), graph, holds));
  };

  if (truth !== undefined && !agree(truth, unoptimised)) return emission(null, reference);
  if (hasOtherOps && !(await isRight(graph))) return emission(null, runner);
  for (const pass of pipeline) {
    progress(`looking for the fault: the graph after ${pass.name}`);
    const before = graph;
    ({ graph } = graph.clone());
    const counts = Object.values(pass.run(graph));
    if (counts.every((n) => n === 0) || (await isRight(graph))) continue;
    const isSound =
      truth === undefined
        ? hasOtherOps && agree(unoptimised, await runOn(reference, graph))
        : agree(truth, interpretGraph(runner, graph, input));
    if (isSound) return emission(pass.name, runner);
    progress(`looking for the fault: the rules of ${pass.name}`);
    return passFailure(pass, await findFiring(pass, before, isRight));
  }
  const agrees = (candidate: Outputs): boolean => agree(unoptimised, candidate);
  return target.faultBehindPasses({ manifest, mismatch, graph, runner, input, agrees, progress });
}

function emissionFailure(after: string | null, where: string, firing: Firing | undefined): Failure {
  const graph = after === null ? "the unoptimised graph" : `the graph after the pass ${after}`;
  return blame(
    ownFailure("emission", `${graph} is right ${where} and wrong once it is emitted as ONNX`, after),
    firing,
  );
}

const passFailure = ({ name }: Pass, firing: Firing | undefined): Failure =>
  blame(ownFailure("pass", `the pass ${name} is the first to change an output`, name), firing);

/** Adds the rule and the place to a failure, where they are known. */
function blame(found: Failure, firing: Firing | undefined): Failure {
  if (firing === undefined) return found;
  const { rule, path, nth, of } = firing;
  const place = path === "" ? "" : ` at ${path}`;
  return {
    ...found,
    rule,
    module: path,
    message: `${found.message}: rule ${rule}${place}, application ${nth} of ${of}`,
  };
}
