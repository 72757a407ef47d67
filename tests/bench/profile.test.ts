import { expect, test } from "vitest";
import { type TraceEvent, headroomOf, headroomTaken, readProfile, totalTime } from "../../bench/profile.ts";

const node = (operator: string, ts: number, dur: number, name = `x_${operator}_kernel_time`): TraceEvent => ({
  cat: "Node",
  name,
  ts,
  dur,
  args: { op_name: operator },
});
const run = (ts: number): TraceEvent => ({ cat: "Session", name: "model_run", ts, dur: 100 });

/** The shape of ONNX Runtime's own files: a run's event comes after those of its nodes and begins before them. */
const trace: readonly TraceEvent[] = [
  { cat: "Session", name: "model_loading_uri", ts: 1, dur: 900 },
  { cat: "Session", name: "session_initialization", ts: 2, dur: 800 },
  node("Conv", 1010, 90_000),
  run(1000),
  node("Conv", 2010, 6000),
  node("Conv", 2020, 2000),
  node("Gelu", 2030, 1000),
  node("Gelu", 2040, 5, "gelu_fence_before"),
  { cat: "Session", name: "SequentialExecutor::Execute", ts: 2005, dur: 95 },
  run(2000),
  node("Conv", 3010, 4000),
  node("Conv", 3020, 4000),
  node("Gelu", 3030, 3000),
  run(3000),
];

test("a profile is the mean of the kernel times of the runs that count", () => {
  expect([...readProfile(trace, 1)]).toEqual([
    ["Conv", { nodes: 2, ms: 8 }],
    ["Gelu", { nodes: 1, ms: 2 }],
  ]);
  expect(readProfile(trace, 0).get("Conv")?.ms).toBeCloseTo(106 / 3, 10);
  expect(readProfile(trace, 3).size).toBe(0);
});

test("the headroom is what is neither convolution nor matrix product nor attention", () => {
  const profile = readProfile(trace, 1);
  expect(totalTime(profile)).toBe(10);
  expect(headroomOf(profile)).toBeCloseTo(0.2, 12);
});

test("half of a headroom of a fifth is a ratio of 0.9", () => {
  expect(headroomTaken(0.2, 0.9)).toBeCloseTo(0.5, 12);
  expect(headroomTaken(0.2, 1.02)).toBeCloseTo(-0.1, 12);
});
