import { formsOf, dynamicSizeOpset } from "../../src/driver/forms.ts";
import { type LoweredRequest, lowerResolved } from "../../src/driver/lower-request.ts";
import { openModelWeights } from "../../src/driver/weights.ts";
import { withGraph, type GraphRunner } from "../../src/driver/run-graph.ts";
import { pipelineOf } from "../../src/driver/pipeline.ts";
import { type Outputs, measureOutput } from "../../src/driver/verify-compare.ts";
import type { DynamicSize } from "../../src/driver/dynamic-size.ts";
import { type ResolvedModel, resolve } from "../../src/frontend/resolve.ts";
import { syntheticInput } from "../../src/frontend/weights/synthetic.ts";
import { TimmcError } from "../../src/ir/error.ts";
import { runPipeline } from "../../src/passes/pass.ts";
import { loadOrt } from "../../src/runtime/ort.ts";

export type Size = readonly [height: number, width: number];

/** What a dynamic graph gave at one size against the static one. */
interface SizeResult {
  readonly size: Size;
  /** The largest error of an output, as a fraction of the standard deviation of the static compile's. */
  readonly ofStd: number;
  /** The same as a fraction of what is allowed. */
  readonly used: number;
  readonly problem: string | null;
}

const taps = ["logits", "forward_features"];

/** Sides in pixels that sizes are made near: small for speed, odd where nothing forbids it; the last fit networks that end in a window of 7. */
const near: readonly Size[] = [
  [97, 128],
  [160, 97],
  [161, 161],
  [193, 131],
  [128, 225],
  [224, 257],
  [259, 224],
  [224, 224],
  [321, 256],
  [288, 355],
];

/** Whole multiples of the pixels that `near` names, each size once. */
function sizesOf(multiple: number): Size[] {
  const round = (pixels: number): number => multiple * Math.max(1, Math.round(pixels / multiple));
  const steps: readonly Size[] =
    multiple < 100
      ? near
      : [
          [1, 1],
          [1, 2],
          [2, 1],
          [2, 2],
          [3, 1],
        ].map(([h, w]) => [multiple * (h ?? 1), multiple * (w ?? 1)]);
  const all = steps.map(([h, w]): Size => [round(h), round(w)]);
  return all.filter((size, i) => all.findIndex((other) => other.join() === size.join()) === i);
}

async function optimised(
  resolved: ResolvedModel,
  dynamicSize: DynamicSize | undefined,
  size?: Size,
): Promise<LoweredRequest> {
  const sized = size === undefined ? resolved : { ...resolved, inputSize: [resolved.inputSize[0], ...size] as const };
  const lowering = lowerResolved(sized, { taps, dynamicSize });
  runPipeline(lowering.lowered.graph, pipelineOf("O2", null, { opset: dynamicSizeOpset }));
  return lowering;
}

/** Runs a graph with the recipe's weights. */
async function run(lowering: LoweredRequest, sizes: readonly Size[]): Promise<Outputs[]> {
  const weights = await openModelWeights("synthetic", lowering.resolved, lowering.lowered, {});
  const runner: GraphRunner = {
    ort: await loadOrt(),
    parameters: weights.parameters,
    ...formsOf({ opset: dynamicSizeOpset }),
    signal: undefined,
  };
  try {
    return await withGraph(runner, lowering.lowered.graph, "all", async (session) => {
      const results: Outputs[] = [];
      for (const size of sizes) {
        const shape = [2, lowering.resolved.inputSize[0], ...size];
        results.push(await session.run({ dtype: "f32", shape, data: syntheticInput(shape) }));
      }
      return results;
    });
  } finally {
    weights.close();
  }
}

/** Whether the network takes a size at all: some end in a window that a small map does not fill. */
async function staticAt(resolved: ResolvedModel, size: Size): Promise<LoweredRequest | undefined> {
  try {
    return await optimised(resolved, undefined, size);
  } catch (error) {
    if (error instanceof TimmcError) return undefined;
    throw error;
  }
}

/** The dynamic artifact of an architecture at several sizes against the static compile of each, with the recipe's weights. */
export async function compareSizes(
  model: string,
  { count = 5, dynamicSize = true, args = {} }: { count?: number; dynamicSize?: DynamicSize; args?: object } = {},
): Promise<{ readonly multiple: number; readonly results: readonly SizeResult[] }> {
  const resolved = await resolve({ model, args: { ...args } });
  const dynamic = await optimised(resolved, dynamicSize);
  const { multiple = 1 } = dynamic;
  const fixed: (readonly [Size, LoweredRequest])[] = [];
  for (const size of sizesOf(multiple)) {
    if (fixed.length === count) break;
    const lowering = await staticAt(dynamic.resolved, size);
    if (lowering !== undefined) fixed.push([size, lowering]);
  }
  const actual = await run(
    dynamic,
    fixed.map(([size]) => size),
  );
  const results: SizeResult[] = [];
  for (const [i, [size, lowering]] of fixed.entries()) {
    const [expected = new Map()] = await run(lowering, [size]);
    const measured = [...expected].map(([name, array]) =>
      measureOutput({ name, dtype: array.dtype }, array, actual[i]?.get(name), "fp32"),
    );
    results.push({
      size,
      ofStd: Math.max(...measured.map((m) => m.ofStd)),
      used: Math.max(...measured.map((m) => m.used)),
      problem: measured.find((m) => m.problem !== null)?.problem ?? null,
    });
  }
  return { multiple, results };
}
