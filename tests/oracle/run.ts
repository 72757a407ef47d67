import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadArtifact } from "../../src/driver/artifact.ts";
import { compile } from "../../src/driver/compile.ts";
import type { LowerRequest } from "../../src/driver/lower-request.ts";
import type { TargetName } from "../../src/driver/target/names.ts";
import { targetOf } from "../../src/driver/target/targets.ts";
import type { Session } from "../../src/runtime/session.ts";
import { fillSynthetic, syntheticInput } from "../../src/frontend/weights/synthetic.ts";
import { type Tensor, allowed, disagreement, rowDisagreement } from "./compare.ts";
import type { TensorRecord } from "./records.ts";
import type { Expectation } from "./requests.ts";
import { type Standing, movementsAllowed, saysNothing, saysSomething, stableTaps, standingOf } from "./rounding.ts";

type Results = ReadonlyMap<string, Tensor>;
type Movements = ReadonlyMap<string, number>;

/**
 * Compiles a record's model with the synthetic weights and runs it: what disagrees with the record, what is listed as
 * decided by rounding and is not, and, with `batch`, what changes when images share a batch.
 */
export const check = (
  expected: Expectation,
  { batch = 1, target = "onnx" }: { readonly batch?: number; readonly target?: TargetName } = {},
): Promise<string[]> =>
  withSession(batch === 1 ? expected.request : requestWithStable(expected), target, (session) =>
    compareRuns(session, expected, batch),
  );

/** The record's request, and the taps that say something where its own do not. */
function requestWithStable(expected: Expectation): LowerRequest {
  const extra = stableTaps(expected);
  if (extra.length === 0) return expected.request;
  const own = expected.request.taps ?? expected.outputs.map(([tap]) => tap);
  return { ...expected.request, taps: [...own, ...extra] };
}

const nudges = 16;

/** How far each output moves, at most, when every element of the input goes up or down by its last bit. */
export const movements = (expected: Expectation): Promise<Movements> =>
  withSession(expected.request, "onnx", async (session) => {
    const { inputShape } = expected;
    return movement(session, expected, await run(session, syntheticInput(inputShape), inputShape));
  });

async function movement(session: Session, { inputShape }: Expectation, still: Results) {
  const farthest = new Map<string, number>();
  const input = syntheticInput(inputShape);
  const noise = new Float32Array(input.length);
  for (let nudge = 1; nudge <= nudges; nudge++) {
    fillSynthetic(`nudge ${nudge}`, inputShape, noise);
    const nudged = input.map((v, i) => v * (1 + Math.sign(Number(noise[i])) * 2 ** -23));
    for (const [tap, { data }] of await run(session, nudged, inputShape)) {
      const before = still.get(tap)?.data;
      const moved = data.reduce((most, v, i) => Math.max(most, Math.abs(v - Number(before?.[i]))), 0);
      farthest.set(tap, Math.max(moved, farthest.get(tap) ?? 0));
    }
  }
  return farthest;
}

async function withSession<T>(
  request: LowerRequest,
  target: TargetName,
  body: (session: Session) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "timmc-oracle-"));
  try {
    await compile({ ...request, weights: "synthetic", out: folder, target });
    const runtime = await targetOf({ target }).load();
    const session = await runtime.open(await loadArtifact(folder), { threads: 1 });
    try {
      return await body(session);
    } finally {
      await session.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compareRuns(session: Session, expected: Expectation, batch: number): Promise<string[]> {
  const { inputShape } = expected;
  const single = await run(session, syntheticInput(inputShape), inputShape);
  const isExact = expected.outputs.every(([tap]) => standingOf(expected, tap) === "exact");
  const moved = isExact ? new Map<string, number>() : await movement(session, expected, single);
  const problems = againstRecord(single, expected, moved);
  if (batch === 1) return problems;
  const shape = [batch, ...inputShape.slice(1)];
  const images = syntheticInput(shape);
  const together = await run(session, images, shape);
  const size = images.length / batch;
  for (let row = 0; row < batch; row++) {
    // Row 0 of the batch's input is the input of the record: noise and pattern depend on flat index and row alone.
    const alone = row === 0 ? single : await run(session, images.slice(row * size, (row + 1) * size), inputShape);
    problems.push(...againstRow(expected, alone, together, { row, batch, moved }));
  }
  return problems;
}

function againstRecord(results: Results, expected: Expectation, moved: Movements): string[] {
  const extra = stableTaps(expected);
  const own = [...results.keys()].filter((name) => !extra.includes(name));
  const [names, wanted] = [own.join(), expected.outputs.map(([tap]) => tap).join()];
  if (names !== wanted) return [`the outputs are ${names}, must be ${wanted}`];
  return expected.outputs.flatMap(([tap, record]) => {
    const result = results.get(tap);
    if (result === undefined) return [`${tap} is missing`];
    const problem = fault(result, record, standingOf(expected, tap), Number(moved.get(tap)));
    return problem === undefined ? [] : [`${tap}: ${problem}`];
  });
}

/** What is wrong with an output, or with its standing. */
function fault(result: Tensor, record: TensorRecord, standing: Standing, movement: number): string | undefined {
  if (standing === "exact") return disagreement(result, record);
  const far = `moves by ${movement.toExponential(2)} (std ${record.std.toPrecision(3)})`;
  if (standing === "undecidable") {
    if (saysSomething(movement, record)) return `listed as undecidable and ${far}`;
    return disagreement(result, record, Number.MAX_VALUE);
  }
  if (movement <= allowed(record)) return `listed as decided by rounding and ${far}`;
  if (saysNothing(movement, record)) return `${far}, so that a comparison says nothing`;
  return disagreement(result, record, movementsAllowed * movement);
}

interface Row {
  readonly row: number;
  readonly batch: number;
  /** By the first image, which stands for all. */
  readonly moved: Movements;
}

/** An image alone and in a batch. Undecidable outputs are compared by their shape; `stableTaps` stand in for their numbers. */
function againstRow(expected: Expectation, alone: Results, together: Results, { row, batch, moved }: Row): string[] {
  return [...alone].flatMap(([tap, { data, dims }]) => {
    const all = together.get(tap);
    const rest = all?.dims.slice(1).join();
    if (all?.dims[0] !== batch || rest !== dims.slice(1).join()) return [`${tap}: shape [${all?.dims}] in a batch`];
    const standing = standingOf(expected, tap);
    if (standing === "undecidable") return [];
    const slack = standing === "loose" ? movementsAllowed * Number(moved.get(tap)) : 0;
    const problem = rowDisagreement(data, all.data.subarray(row * data.length, (row + 1) * data.length), slack);
    return problem === undefined ? [] : [`${tap}, row ${row} of a batch of ${batch}: ${problem}`];
  });
}

async function run(session: Session, data: Float32Array, shape: readonly number[]): Promise<Results> {
  const results = await session.run({ dtype: "f32", shape, data });
  return new Map(
    [...results].map(([name, tensor]) => {
      if (tensor.dtype !== "f32") throw new TypeError(`${name} is no float32 tensor`);
      return [name, { dims: tensor.shape, data: tensor.data }];
    }),
  );
}
