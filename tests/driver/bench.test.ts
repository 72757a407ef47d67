import { beforeAll, expect, test } from "vitest";
import { bench, quantile } from "../../src/driver/bench.ts";
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
  expect(report).toMatchObject({ runs: 5, threads: 1, runtime: { name: "onnxruntime-node" } });
  const [first, second] = report.artifacts;
  expect([first?.batch, second?.batch]).toEqual([1, 2]);
  expect([first?.optimization, second?.optimization]).toEqual(["O2", "O0"]);
  expect(first?.ratio).toBe(1);
  for (const { min_ms, p50_ms, p95_ms, images_per_second, batch } of report.artifacts) {
    expect(min_ms).toBeGreaterThan(0);
    expect(p50_ms).toBeGreaterThanOrEqual(min_ms);
    expect(p95_ms).toBeGreaterThanOrEqual(p50_ms);
    expect(images_per_second).toBeCloseTo((1000 * batch) / p50_ms);
  }
});

test("a free batch is the one asked for, a fixed one must agree", async () => {
  const { artifacts } = await bench([at("O2")], { runs: 1, batch: 3 });
  expect(artifacts[0]?.batch).toBe(3);
  expect(await refusal(bench([at("O0")], { runs: 1, batch: 3 }))).toMatch(/^usage: .*O0: .*batches of 2, not of 3/);
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
