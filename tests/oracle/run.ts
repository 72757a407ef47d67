import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InferenceSession, Tensor as RuntimeTensor } from "onnxruntime-node";
import { compile } from "../../src/driver/compile.ts";
import { syntheticInput } from "../../src/frontend/weights/synthetic.ts";
import { type Tensor, disagreement, rowDisagreement, shapeDisagreement } from "./compare.ts";
import type { Expectation } from "./requests.ts";
import { unstable } from "./unstable.ts";

type Results = ReadonlyMap<string, Tensor>;

/**
 * Compiles a record's model with the synthetic weights and runs it: what disagrees with the record, and, with
 * `batch`, what changes when images share a batch.
 */
export const check = (expected: Expectation, { batch = 1 } = {}): Promise<string[]> =>
  withSession(expected, (session) => compareRuns(session, expected, batch));

/** The taps of a record that change visibly when the last bit of every input element does. */
export const sensitiveTaps = (expected: Expectation): Promise<string[]> =>
  withSession(expected, async (session) => {
    const { inputShape } = expected;
    const input = syntheticInput(inputShape);
    const nudged = input.map((v, i) => v * (1 + (i % 2 === 0 ? 1 : -1) * 2 ** -23));
    const before = await run(session, input, inputShape);
    const after = await run(session, nudged, inputShape);
    return [...before].flatMap(([tap, { data }]) => {
      const changed = rowDisagreement(data, after.get(tap)?.data ?? new Float32Array());
      return changed === undefined ? [] : [tap];
    });
  });

async function withSession<T>(expected: Expectation, body: (session: InferenceSession) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "timmc-oracle-"));
  try {
    await compile({ ...expected.request, weights: "synthetic", out: folder });
    const session = await InferenceSession.create(join(folder, "model.onnx"), { intraOpNumThreads: 1 });
    try {
      return await body(session);
    } finally {
      await session.release();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compareRuns(session: InferenceSession, expected: Expectation, batch: number): Promise<string[]> {
  const { inputShape } = expected;
  const single = await run(session, syntheticInput(inputShape), inputShape);
  const problems = againstRecord(single, expected);
  if (batch === 1) return problems;
  const shape = [batch, ...inputShape.slice(1)];
  const images = syntheticInput(shape);
  const together = await run(session, images, shape);
  const size = images.length / batch;
  for (let row = 0; row < batch; row++) {
    // Row 0 of the batch's input is the input of the record: noise and pattern depend on flat index and row alone.
    const alone = row === 0 ? single : await run(session, images.slice(row * size, (row + 1) * size), inputShape);
    problems.push(...againstRow(expected, alone, together, row, batch));
  }
  return problems;
}

const isStable = ({ name }: Expectation, tap: string): boolean => unstable[name]?.includes(tap) !== true;

function againstRecord(results: Results, expected: Expectation): string[] {
  const { outputs } = expected;
  const [names, wanted] = [[...results.keys()].join(), outputs.map(([tap]) => tap).join()];
  if (names !== wanted) return [`the outputs are ${names}, must be ${wanted}`];
  return outputs.flatMap(([tap, record]) => {
    const result = results.get(tap);
    const exact = isStable(expected, tap);
    const problem = result === undefined ? "is missing" : (exact ? disagreement : shapeDisagreement)(result, record);
    return problem === undefined ? [] : [`${tap}: ${problem}`];
  });
}

function againstRow(expected: Expectation, alone: Results, together: Results, row: number, batch: number): string[] {
  return [...alone].flatMap(([tap, { data, dims }]) => {
    const all = together.get(tap);
    const rest = all?.dims.slice(1).join();
    if (all?.dims[0] !== batch || rest !== dims.slice(1).join()) return [`${tap}: shape [${all?.dims}] in a batch`];
    if (!isStable(expected, tap)) return [];
    const problem = rowDisagreement(data, all.data.subarray(row * data.length, (row + 1) * data.length));
    return problem === undefined ? [] : [`${tap}, row ${row} of a batch of ${batch}: ${problem}`];
  });
}

async function run(session: InferenceSession, data: Float32Array, shape: readonly number[]): Promise<Results> {
  const results = await session.run({ input: new RuntimeTensor("float32", data, shape) });
  return new Map(
    session.outputNames.map((name) => {
      const tensor = results[name];
      if (!(tensor?.data instanceof Float32Array)) throw new TypeError(`${name} is no float32 tensor`);
      return [name, { dims: tensor.dims, data: tensor.data }];
    }),
  );
}
