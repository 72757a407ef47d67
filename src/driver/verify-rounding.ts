import { fillSynthetic } from "../frontend/weights/synthetic.ts";
import type { Graph } from "../ir/graph.ts";
import type { NpyArray } from "../runtime/npy.ts";
import type { ManifestOutput } from "./manifest.ts";
import { type GraphRunner, withGraph } from "./run-graph.ts";
import { type Measurement, type Outputs, measure } from "./verify-compare.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";

/**
 * Whether an output is a function of its input at all, as far as float32 goes. Every pass rounds in another place than
 * the graph before it, which is as good as another last bit of the input: a network that makes much of that bit makes as
 * much of every sound pass, and its errors accuse nobody.
 */

/** How far each output moves, in budgets, at most, when every element of the input goes up or down by its last bit. */
export type Movement = ReadonlyMap<string, number>;

/** Patterns of ups and downs that are tried. */
const nudges = 8;

/**
 * Movements that an error may have before it says something against a pass. The graph rounds at every layer and the input
 * is nudged at one, by few patterns, so that sound passes go beyond one movement: levit_128s, starnet_s1 and repvit_m0_9,
 * which with synthetic weights exceed their budgets by up to 15,000 times, show up to 1.3. A wrong rule errs by hundreds
 * of budgets where other networks move by a twentieth of one: by thousands of movements.
 */
const movementsAllowed = 4;

/** Runs the reference on nudged inputs. `still` is what it gives for the input itself. Pixels are whole numbers: none moves. */
export async function movementOf(
  runner: GraphRunner,
  graph: Graph,
  outputs: readonly ManifestOutput[],
  { input, still }: { readonly input: NpyArray; readonly still: Outputs },
): Promise<Movement> {
  const farthest = new Map<string, number>();
  if (input.dtype !== "f32") return farthest;
  await withGraph(runner, graph, "disabled", async (session) => {
    for (let pattern = 1; pattern <= nudges; pattern++) {
      refuseInterrupted(runner.signal);
      const moved = await session.run({ ...input, data: nudged(input.data, pattern) });
      for (const { name, used } of measure(outputs, still, moved))
        // An output that ceases to be finite moves without bound.
        farthest.set(name, Math.max(Number.isNaN(used) ? Infinity : used, farthest.get(name) ?? 0));
    }
  });
  return farthest;
}

/** Each element one float32 away from zero or towards it, by the sign of the recipe's noise; a zero by the last bit of 1. */
function nudged(values: Float32Array, pattern: number): Float32Array {
  const signs = new Float32Array(values.length);
  fillSynthetic(`nudge ${pattern}`, [1, 1, values.length], signs);
  const result = Float32Array.from(values);
  const bits = new Int32Array(result.buffer);
  for (const [i, sign] of signs.entries()) {
    const step = sign < 0 ? -1 : 1;
    if (values[i] === 0) result[i] = step * 2 ** -23;
    else bits[i] = (bits[i] ?? 0) + step;
  }
  return result;
}

/** Whether an error is within its budget, or within what rounding alone does to the output. */
export const isExcused =
  (movement: Movement) =>
  ({ name, used }: Measurement): boolean =>
    used <= Math.max(1, movementsAllowed * (movement.get(name) ?? 0));
