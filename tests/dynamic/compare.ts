import { describeOutputs } from "../../src/driver/describe-tap.ts";
import type { DynamicSize } from "../../src/driver/dynamic-size.ts";
import { dynamicSizeOpset, formsOf } from "../../src/driver/forms.ts";
import { type LoweredRequest, lowerResolved } from "../../src/driver/lower-request.ts";
import { pipelineOf } from "../../src/driver/pipeline.ts";
import { type GraphRunner, runGraph } from "../../src/driver/run-graph.ts";
import { type Outputs, measure, passes } from "../../src/driver/verify-compare.ts";
import { movementOf } from "../../src/driver/verify-rounding.ts";
import { openModelWeights } from "../../src/driver/weights.ts";
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
  /** What is not as it should be; null where every error is within the budget. */
  readonly fault: string | null;
  /** Where an output exceeds its budget: it moves as far where the last bit of the input changes. */
  readonly isRounding: boolean;
}

/** An architecture's dynamic artifact at several sizes. */
export interface Comparison {
  readonly architecture: string;
  readonly multiple: number;
  readonly results: readonly SizeResult[];
}

/** Movements that an error may have, as in `verify`. */
const movementsAllowed = 4;

const taps = ["logits", "forward_features"];

/** Sides in pixels that sizes are made near: small for speed, odd where nothing forbids it; the last fit networks that end in a window of 7. */
const near: readonly Size[] = [
  [65, 96],
  [97, 65],
  [129, 161],
  [96, 96],
  [225, 113],
  [160, 193],
  [224, 257],
  [259, 224],
  [224, 224],
  [321, 256],
  [288, 355],
];

/** In multiples, where these are large. */
const steps: readonly Size[] = [
  [1, 1],
  [1, 2],
  [2, 1],
  [2, 2],
  [1, 3],
];

/** The least side of a network whose head is a window: timm spreads smaller maps, which no graph of an open size can. */
const leastSide: Readonly<Record<string, number>> = { vgg11: 224 };

/** Whole multiples of the pixels that `near` names, each size once. */
function sizesOf(multiple: number): Size[] {
  const times = (n: number): number => multiple * Math.max(1, n);
  const all =
    multiple < 100
      ? near.map(([h, w]): Size => [times(Math.round(h / multiple)), times(Math.round(w / multiple))])
      : steps.map(([h, w]): Size => [times(h), times(w)]);
  return all.filter((size, i) => all.findIndex((other) => other.join() === size.join()) === i);
}

/** After the passes of -O2. */
function optimised(resolved: ResolvedModel, dynamicSize: DynamicSize | undefined, size?: Size): LoweredRequest {
  const sized = size === undefined ? resolved : { ...resolved, inputSize: [resolved.inputSize[0], ...size] as const };
  const lowering = lowerResolved(sized, { taps, dynamicSize });
  runPipeline(lowering.lowered.graph, pipelineOf("O2", null, { opset: dynamicSizeOpset }));
  return lowering;
}

/** Gives a graph's weights, by the recipe, to `body`. */
async function withRunner<T>(lowering: LoweredRequest, body: (runner: GraphRunner) => Promise<T>): Promise<T> {
  const weights = await openModelWeights("synthetic", lowering.resolved, lowering.lowered, {});
  const forms = formsOf({ opset: dynamicSizeOpset });
  try {
    return await body({ ort: await loadOrt(), parameters: weights.parameters, ...forms, signal: undefined });
  } finally {
    weights.close();
  }
}

/** The recipe's input of a size. */
function inputOf({ resolved }: LoweredRequest, size: Size) {
  const shape = [1, resolved.inputSize[0], ...size];
  return { dtype: "f32" as const, shape, data: syntheticInput(shape) };
}

const runAt = (lowering: LoweredRequest, sizes: readonly Size[]): Promise<Outputs[]> =>
  withRunner(lowering, (runner) =>
    runGraph(
      runner,
      lowering.lowered.graph,
      sizes.map((size) => inputOf(lowering, size)),
      "all",
    ),
  );

/** The static compile of a size; undefined where the network does not take it: some end in a window that a small map does not fill. */
async function staticAt(resolved: ResolvedModel, size: Size): Promise<LoweredRequest | undefined> {
  try {
    return optimised(resolved, undefined, size);
  } catch (error) {
    if (error instanceof TimmcError) return undefined;
    throw error;
  }
}

interface CompareOptions {
  /** How many sizes of those that the static compile takes. */
  readonly count?: number;
  /** timm's arguments, for both sides. */
  readonly args?: Readonly<Record<string, unknown>>;
  /** The sizes, instead of some that are made for every network. */
  readonly sizes?: readonly Size[];
}

/** The dynamic artifact of an architecture at several sizes against the static compile of each, with the recipe's weights. */
export async function compareSizes(
  architecture: string,
  { count = 5, args = {}, sizes }: CompareOptions = {},
): Promise<Comparison> {
  const dynamic = optimised(await resolve({ model: architecture, args }), true);
  const { multiple = 1 } = dynamic;
  const least = leastSide[architecture] ?? 1;
  const fixed: (readonly [Size, LoweredRequest])[] = [];
  for (const size of sizes ?? sizesOf(multiple).filter((size) => Math.min(...size) >= least)) {
    const lowering = fixed.length < count ? await staticAt(dynamic.resolved, size) : undefined;
    if (lowering !== undefined) fixed.push([size, lowering]);
  }
  const actual = await runAt(
    dynamic,
    fixed.map(([size]) => size),
  );
  const results: SizeResult[] = [];
  for (const [i, [size, lowering]] of fixed.entries())
    results.push(await measured(size, lowering, actual[i] ?? new Map<string, never>()));
  return { architecture, multiple, results };
}

async function measured(size: Size, lowering: LoweredRequest, actual: Outputs): Promise<SizeResult> {
  const [expected = new Map<string, never>()] = await runAt(lowering, [size]);
  const outputs = describeOutputs(lowering, lowering);
  const found = measure(outputs, expected, actual);
  const ofStd = Math.max(...found.map((m) => m.ofStd));
  const far = found.filter((m) => !passes(m));
  if (far.length === 0) return { size, ofStd, fault: null, isRounding: false };
  const input = inputOf(lowering, size);
  const moved = await withRunner(lowering, (runner) =>
    movementOf(runner, lowering.lowered.graph, outputs, { input, still: expected }),
  );
  const wrong = far.find((m) => !(m.used <= movementsAllowed * (moved.get(m.name) ?? 0)));
  if (wrong === undefined) return { size, ofStd, fault: null, isRounding: true };
  const reason = wrong.problem ?? `${wrong.used.toPrecision(3)} of the budget`;
  return { size, ofStd, fault: `${wrong.name} at ${size.join("x")}: ${reason}`, isRounding: false };
}
