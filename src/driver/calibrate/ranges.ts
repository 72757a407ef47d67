import { refuseInterrupted } from "../../backends/interrupt.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Graph } from "../../ir/graph.ts";
import type { Value } from "../../ir/value.ts";
import { type Range, seenValues } from "../../passes/precision/calibration.ts";
import type { Session } from "../../runtime/session.ts";
import { type GraphRunner, withGraph } from "../run-graph.ts";
import { Spread } from "./histogram.ts";
import { type Method, spanOf } from "./method.ts";
import type { Batch } from "./pixels.ts";
import { groupsOf, probeName, probing } from "./probe.ts";

interface Seeing {
  readonly batches: () => Iterable<Batch>;
  /** How many batches there are, and the images of each. */
  readonly count: number;
  readonly rows: number;
  readonly method: Method;
  readonly percentile: number;
  readonly progress: (text: string) => void;
}

/**
 * Runs the graph on every batch and says what the numbers of its values were, by name in graph order. Values that fit
 * into memory together are seen in one session; every batch runs twice in it, for the extremes and for the histograms.
 * Throws `unsupported`, with the picture, for a number that is not finite.
 */
export async function seenRanges(runner: GraphRunner, graph: Graph, seeing: Seeing): Promise<Record<string, Range>> {
  const ranges: Record<string, Range> = {};
  const groups = groupsOf(seenValues(graph), seeing.rows);
  for (const [index, group] of groups.entries()) {
    const part = groups.length === 1 ? "" : `, part ${index + 1} of ${groups.length}`;
    const spreads = await withGraph(runner, probing(graph, group), "all", (session) =>
      seeGroup(runner, session, group, { ...seeing, progress: (text) => seeing.progress(`${text}${part}`) }),
    );
    for (const [i, value] of group.entries()) {
      const histogram = spreads[i]?.histogram();
      // A value of no elements has no range.
      if (histogram === undefined) continue;
      const { min, max } = histogram;
      ranges[value.name] = { min, max, ...spanOf(histogram, seeing.method, seeing.percentile) };
    }
  }
  return ranges;
}

async function seeGroup(
  { signal }: GraphRunner,
  session: Session,
  group: readonly Value[],
  { batches, count, method, progress }: Seeing,
): Promise<readonly Spread[]> {
  const spreads = group.map(() => new Spread());
  const sweep = async (what: string, visit: (spread: Spread, numbers: Float32Array, i: number, of: Batch) => void) => {
    let done = 0;
    for (const batch of batches()) {
      refuseInterrupted(signal);
      progress(`${what}: ${done++} of ${count} batches of pictures`);
      const outputs = await session.run(batch.tensor);
      for (const [i, spread] of spreads.entries()) {
        const seen = outputs.get(probeName(i));
        if (seen?.dtype !== "f32") throw new TimmcError("invalid-ir", `ONNX Runtime gave no ${group[i]?.name}`);
        visit(spread, seen.data, i, batch);
      }
    }
  };
  await sweep("ranges", (spread, numbers, i, { pictures }) => {
    if (!spread.see(numbers)) throw notFinite(group[i], pictures[0]?.path ?? "");
  });
  if (method !== "min-max") await sweep("histograms", (spread, numbers) => spread.count(numbers));
  return spreads;
}

const notFinite = (value: Value | undefined, picture: string): TimmcError =>
  new TimmcError("unsupported", `the network's numbers become NaN or infinite at %${value?.name ?? ""}`, {
    trail: [picture],
    hint: "Leave the picture out, or look at the weights: timmc doctor.",
  });
