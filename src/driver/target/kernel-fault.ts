import type { Program } from "../../backends/kernel/build.ts";
import type { Parameters } from "../../backends/parameters.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Value } from "../../ir/value.ts";
import type { Session } from "../../runtime/session.ts";
import type { Failure } from "../certificate.ts";
import type { Manifest } from "../manifest.ts";
import { runGraph, withTemporaryFolder } from "../run-graph.ts";
import { measureOutput, passes, precisionOf } from "../verify-compare.ts";
import { ownFailure } from "../verify-failure.ts";
import type { Emission, Suspicion } from "./target.ts";

interface Means {
  /** The kernels of a graph, of whose values the program speaks. */
  build(graph: Graph): Program;
  emit(graph: Graph, parameters: Parameters): Emission;
  /** Opens what was written into a folder. */
  open(folder: string): Promise<Session>;
}

/**
 * Where a graph is right and its kernels are wrong: the first kernel that stores something else than ONNX Runtime computes of the
 * same graph. All kernels are made to keep what they store, so that one run shows all of them. What is kept is float32 as all
 * outputs are: of an artifact in fp16, halves between kernels are not tested.
 */
export async function findWrongKernel(
  { manifest, mismatch, graph, runner, input, progress }: Suspicion,
  { build, emit, open }: Means,
): Promise<Failure> {
  const precision = precisionOf(manifest);
  const changed = mismatch();
  if (changed !== null) return ownFailure("artifact", changed);
  progress("looking for the fault: the kernels one by one");
  const { graph: kept } = graph.clone();
  const stored = storedValues(build(kept));
  kept.setOutputs(stored.map((value) => ({ name: value.name, value })));
  const wrong = await unlessRefused(async () => {
    const [expected = new Map()] = await runGraph(runner, kept, [input]);
    const actual = await withTemporaryFolder(async (folder) => {
      await emit(kept, runner.parameters).write(folder, { hasWeights: true, signal: runner.signal });
      const session = await open(folder);
      try {
        return await session.run(input);
      } finally {
        await session.close();
      }
    });
    return stored.filter(({ name, type: { dtype } }) => {
      const measured = measureOutput({ name, dtype }, expected.get(name), actual.get(name), precision);
      return !passes(measured);
    });
  });
  const [first] = wrong ?? [];
  if (first === undefined) return ownFailure("kernels", unexplained(manifest, wrong !== undefined));
  return {
    ...ownFailure("kernels", `the kernel of ${first.name} (${first.op}) is the first that stores something wrong`),
    module: first.origin.path,
  };
}

/** What is known where no kernel was found. */
function unexplained({ target, compiler: { version } }: Manifest, tested: boolean): string {
  const right = "the graph that the kernels are made of is right";
  if (!tested) return `${right}, and with all that they store kept it is too large to tell which of them is wrong.`;
  if ("precision" in target && target.precision === "fp16")
    return `${right}, and so is each of them by itself, tested with float32 tensors: with halves between them some kernel is wrong or loses too much, or the weights are wrong. Compile the model with --precision fp32 to tell.`;
  return `${right}, and so is each of them by itself: weights.bin was changed, or timmc ${version} made it wrong. Compile the model again.`;
}

/** What the kernels of a program store, each once and in the order in which they run. Parts of a result may be weights that are copied there. */
export const storedValues = ({ kernels }: Program): Value[] => [
  ...new Set(
    kernels
      .flatMap(({ output, others = [] }) => [...others, output])
      .map(({ value }) => value)
      .filter((value) => !value.isWeight),
  ),
];

/** Undefined for a network that is too large with everything kept. */
async function unlessRefused<T>(body: () => Promise<T>): Promise<T | undefined> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof TimmcError && error.code === "unsupported") return undefined;
    throw error;
  }
}
