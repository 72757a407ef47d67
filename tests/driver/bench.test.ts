import { beforeAll, expect, test } from "vitest";
import { bench } from "../../src/driver/bench.ts";
import { quantile } from "../../src/driver/statistics.ts";
import { compileTiny, refusal, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();

beforeAll(async () => {
  await compileTiny(at("O2"));
  await compileTiny(at("O0"), { optimization: "O0", batch: 2 });
});

test("quantiles are linear between neighbours", () => {
  expect([0, 0.5, 0.75, 1].map((q) => quantile([4, 1, 3, 2], q))).toEqual([1, 2.5, 3.25, 4]);
  expect(quantile([7], 0.95)).toBe(7);
  expect(quantile([], 0.5)).toBeNaN();
});

test("artifacts are timed side by side, each at its batch", async () => {
  const report = await bench([at("O2"), at("O0")], { runs: 5, threads: 1 });
  expect(report).toMatchObject({ runs: 5, threads: 1, runtimes: { onnx: { name: "onnxruntime-node" } } });
  const [first, second] = report.artifacts;
  expect([first?.batch, second?.batch]).toEqual([1, 2]);
  expect([first?.optimization, second?.optimization]).toEqual(["O2", "O0"]);
  expect(first?.ratio).toBe(1);
  expect([first?.ratio_low, first?.ratio_high]).toEqual([1, 1]);
  const perImage = (second?.p50_ms ?? NaN) / 2 / (first?.p50_ms ?? NaN);
  expect((second?.ratio ?? NaN) / perImage).toBeGreaterThan(0.5);
  expect((second?.ratio ?? NaN) / perImage).toBeLessThan(2);
  expect(second?.ratio_low).toBeLessThanOrEqual(second?.ratio ?? NaN);
  expect(second?.ratio_high).toBeGreaterThanOrEqual(second?.ratio ?? NaN);
  for (const { min_ms, p50_ms, p95_ms, images_per_second, batch } of report.artifacts) {
    expect(min_ms).toBeGreaterThan(0);
    expect(p50_ms).toBeGreaterThanOrEqual(min_ms);
    expect(p95_ms).toBeGreaterThanOrEqual(p50_ms);
    expect(images_per_second).toBeCloseTo((1000 * batch) / p50_ms);
  }
});

test("a ratio says what it cannot tell", async () => {
  await compileTiny(at("other"), { inputSize: [3, 32, 32], taps: ["features.0"], opset: 18, onnxOps: "ort" });
  await compileTiny(at("same"), { optimization: "O1" });
  const notes = async (other: string, runs: number) => (await bench([at("O2"), at(other)], { runs, threads: 1 })).notes;
  expect(await notes("other", 10)).toEqual([
    "the artifacts differ in input and taps: the ratio is not what their optimisation gains alone",
  ]);
  expect(await notes("O0", 1)).toEqual([
    "the artifacts differ in batch: the ratio is not what their optimisation gains alone",
    "1 run is too few for a ratio to rely on: use --runs 10 or more",
  ]);
  expect(await notes("same", 10)).toEqual([]);
  const { artifacts, notes: alone } = await bench([at("other")], { runs: 1 });
  expect(alone).toEqual([]);
  expect(artifacts[0]).toMatchObject({ opset: "18", onnx_ops: "ort", input: "f32[N,3,32,32]", taps: "features.0" });
});

test("a free batch is the one asked for, a fixed one must agree", async () => {
  const { artifacts } = await bench([at("O2")], { runs: 1, batch: 3 });
  expect(artifacts[0]?.batch).toBe(3);
  const refused = (folder: string) => refusal(bench([at(folder)], { runs: 1, batch: 3 }));
  expect(await refused("O0")).toMatch(/^usage: .*O0: .*batches of 2, not of 3\n.*--batch dynamic/);
  await compileTiny(at("kernels"), { target: "webgpu", weights: "none" });
  expect(await refused("kernels")).toMatch(/^usage: .*batches of 1, not of 3\n.*--batch 3/);
});

test("an interrupted bench ends", async () => {
  expect(await refusal(bench([at("O2")], { signal: AbortSignal.abort() }))).toMatch(/^interrupted: /);
});

test("threads that would stop the machine are refused", async () => {
  expect(await refusal(bench([at("O2")], { threads: 99_999 }))).toMatch(/^usage: 99999 threads are more than/);
});

test("a batch that no memory holds is refused", async () => {
  expect(await refusal(bench([at("O2")], { batch: 1_000_000 }))).toMatch(/^usage: .*an input of 1000000x3x/);
});
