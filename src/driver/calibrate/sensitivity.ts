import { refuseInterrupted } from "../../backends/interrupt.ts";
import type { Forms } from "../../backends/onnx/forms.ts";
import { precisionPasses } from "../../backends/onnx/precision.ts";
import type { Graph } from "../../ir/graph.ts";
import { needed } from "../../ir/interpret.ts";
import { runPipeline } from "../../passes/pass.ts";
import { type Calibration, type Range, rangeOf } from "../../passes/precision/calibration.ts";
import { fingerprint } from "../../passes/precision/fingerprint.ts";
import { isMoving, planOf } from "../../passes/precision/plan.ts";
import type { NpyArray } from "../../runtime/npy.ts";
import type { Session } from "../../runtime/session.ts";
import { type GraphRunner, withGraph } from "../run-graph.ts";
import type { Outputs } from "../verify-compare.ts";
import { frozen } from "./frozen.ts";
import { type Loss, LossTally } from "./loss.ts";
import type { Batch } from "./pixels.ts";

/** What eight bits are to reach on pictures that the ranges are of. */
export const target = {
  /** Pictures whose first class stays, of all. */
  agreement: 0.995,
  /** The RMS error of an output, as a fraction of its standard deviation: a third of what compile accepts. */
  error: 0.1,
} as const;

/** Parts of a network that are measured alone, batches that each of them and each candidate sees, and parts left in float. */
const mostParts = 64;
const partBatches = 8;
const candidateBatches = 160;
const mostFloat = 1 / 2;
/** Of inputs and of float32's outputs, which are kept. */
const mostBytes = 384 * 2 ** 20;

export interface Sensitivity {
  /** Names of values whose ops are to stay in float. */
  readonly float: readonly string[];
  /** Parts that were told apart, and how many stay in float. */
  readonly parts: number;
  readonly left: number;
  /** Networks that were emitted and run. */
  readonly trials: number;
  readonly agreement: number | null;
  readonly error: number;
  readonly met: boolean;
}

interface Measuring {
  readonly batches: () => Iterable<Batch>;
  readonly forms: Forms;
  readonly ranges: Readonly<Record<string, Range>>;
  readonly progress: (text: string) => void;
}

/**
 * Finds the ops that eight bits hurt most. Where the whole network in eight bits meets the target there are none. Else
 * each part (a product, and what follows it up to the next) is quantised alone, and of the parts in the order of the
 * error that they make, the least number is left in float with which the rest meets the target, found by bisection; at
 * most half of them. Where these do not suffice for the agreement, the error alone decides.
 */
export async function sensitivity(
  { parameters: given, ...run }: GraphRunner,
  graph: Graph,
  measuring: Measuring,
): Promise<Sensitivity> {
  const { graph: whole, parameters } = frozen(graph, given);
  const runner = { ...run, parameters };
  const { progress, batches } = measuring;
  const runs = await withGraph(runner, whole, "all", (session) => referenceRuns(run, session, batches()));
  const parts = partsOf(whole, measuring.ranges);
  let trials = 0;
  const lossOf = async (float: readonly string[], most: number): Promise<Loss> => {
    refuseInterrupted(run.signal);
    trials++;
    const { graph: trial } = whole.clone();
    const calibration: Calibration = { precision: "int8", graph: fingerprint(trial), ranges: measuring.ranges, float };
    runPipeline(trial, precisionPasses("int8", calibration, measuring.forms));
    return withGraph(runner, trial, "all", async (session) => {
      const tally = new LossTally();
      for (const { input, outputs } of runs.slice(0, most)) {
        refuseInterrupted(run.signal);
        tally.add(outputs, await session.run(input));
      }
      return tally.loss();
    });
  };

  const candidates = new Map<number, Loss>();
  let order: readonly (readonly string[])[] = [];
  const tried = async (left: number): Promise<Loss> => {
    const known = candidates.get(left) ?? (await lossOf(order.slice(0, left).flat(), runs.length));
    candidates.set(left, known);
    progress(`sensitive parts: ${left} of ${parts.length} in float give an error of ${known.error.toPrecision(2)}`);
    return known;
  };
  const answer = async (left: number): Promise<Sensitivity> => {
    const { agreement, error } = await tried(left);
    const met = reaches(await tried(left));
    return { float: order.slice(0, left).flat(), parts: parts.length, left, trials, agreement, error, met };
  };
  if (parts.length === 0 || reaches(await tried(0))) return answer(0);

  const losses: { readonly part: readonly string[]; readonly error: number }[] = [];
  for (const part of parts) {
    progress(`sensitive parts: ${losses.length} of ${parts.length} measured`);
    const others = parts.flatMap((p) => (p === part ? [] : p));
    losses.push({ part, error: (await lossOf(others, partBatches)).error });
  }
  order = losses.toSorted((a, b) => b.error - a.error).map(({ part }) => part);

  const most = Math.ceil(parts.length * mostFloat);
  const suffices = reaches(await tried(most)) ? reaches : ({ error }: Loss): boolean => error <= target.error;
  return answer(await least(most, async (left) => suffices(await tried(left))));
}

const reaches = ({ agreement, error }: Loss): boolean =>
  error <= target.error && (agreement === null || agreement >= target.agreement);

/** The least number up to `most` that suffices, if more always do; `most` where none does. */
async function least(most: number, suffices: (n: number) => Promise<boolean>): Promise<number> {
  let [low, high] = [0, most];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await suffices(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

interface ReferenceRun {
  readonly input: NpyArray;
  readonly outputs: Outputs;
}

/** What float32 gives, of as many batches as are asked for and as memory is meant for. */
async function referenceRuns(
  { signal }: Pick<GraphRunner, "signal">,
  session: Session,
  batches: Iterable<Batch>,
): Promise<ReferenceRun[]> {
  const runs: ReferenceRun[] = [];
  let bytes = 0;
  for (const { tensor: input } of batches) {
    refuseInterrupted(signal);
    const outputs = await session.run(input);
    runs.push({ input, outputs });
    for (const { data } of [input, ...outputs.values()]) bytes += data.byteLength;
    if (runs.length === candidateBatches || bytes > mostBytes) break;
  }
  return runs;
}

/** Names of the values that eight bits take, by product, in graph order; neighbours together where there are many. */
function partsOf(graph: Graph, ranges: Measuring["ranges"]): string[][] {
  const calibration: Calibration = { precision: "int8", graph: "", ranges, float: [] };
  const { products, made } = planOf(graph, (v) => rangeOf(calibration, v) !== undefined, new Set());
  const parts: string[][] = [];
  for (const value of needed(graph)) {
    if (products.has(value)) parts.push([value.name]);
    else if (made.has(value) && !isMoving(value)) parts.at(-1)?.push(value.name);
  }
  const together = Math.ceil(parts.length / mostParts);
  return Array.from({ length: Math.ceil(parts.length / together) || 0 }, (_, i) =>
    parts.slice(i * together, (i + 1) * together).flat(),
  );
}
