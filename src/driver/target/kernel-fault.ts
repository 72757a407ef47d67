import { buildProgram } from "../../backends/kernel/build.ts";
import type { Parameters } from "../../backends/parameters.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Value } from "../../ir/value.ts";
import type { Session } from "../../runtime/session.ts";
import type { Failure } from "../certificate.ts";
import { runGraph, withTemporaryFolder } from "../run-graph.ts";
import { measureOutput, passes, precisionOf } from "../verify-compare.ts";
import { ownFailure } from "../verify-failure.ts";
import type { Emission, Suspicion } from "./target.ts";

interface Means {
  emit(graph: Graph, parameters: Parameters): Emission;
  /** Opens what was written into a folder. */
  open(folder: string): Promise<Session>;
}

/**
 * Where a graph is right and its kernels are wrong: the first kernel that stores something else than ONNX Runtime computes of the
 * same graph. All kernels are made to keep what they store, so that one run shows all of them.
 */
export async function findWrongKernel(
  { manifest, mismatch, graph, runner, input, progress }: Suspicion,
  { emit, open }: Means,
): Promise<Failure> {
  const precision = precisionOf(manifest);
  const changed = mismatch();
  if (changed !== null) return ownFailure("artifact", changed);
  progress("looking for the fault: the kernels one by one");
  const { graph: kept } = graph.clone();
  const stored = storedValues(kept);
  kept.setOutputs(stored.map((value) => ({ name: value.name, value })));
  const wrong = await refusalAsNone(async () => {
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
    return stored.find(({ name, type: { dtype } }) => {
      const measured = measureOutput({ name, dtype }, expected.get(name), actual.get(name), precision);
      return !passes(measured);
    });
  });
  if (wrong !== undefined)
    return {
      ...ownFailure("kernels", `the kernel of ${wrong.name} (${wrong.op}) is the first that stores something wrong`),
      module: wrong.origin.path,
    };
  return ownFailure(
    "kernels",
    `the graph that the kernels are made of is right, and so is each of them by itself: weights.bin was changed, or timmc ${manifest.compiler.version} made it wrong. Compile the model again.`,
  );
}

/** What the kernels of a graph store, in the order in which they run. */
const storedValues = (graph: Graph): Value[] => buildProgram(graph).kernels.map(({ output }) => output.value);

/** A network that is too large with everything kept says nothing. */
async function refusalAsNone<T>(body: () => Promise<T>): Promise<T | undefined> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof TimmcError && error.code === "unsupported") return undefined;
    throw error;
  }
}
