import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileArtifact, findModelFile, modelBytes } from "../../bench/artifacts.ts";
import { selectModels, six, sixteen } from "../../bench/models.ts";
import { countNodes } from "../../bench/onnx-file.ts";
import { headroomOf, profileFiles } from "../../bench/profile.ts";
import { race, raceCreation } from "../../bench/race.ts";
import { syntheticInput } from "../../src/frontend/weights/synthetic.ts";
import { loadOrt } from "../../src/runtime/ort.ts";

const folder = mkdtempSync(path.join(tmpdir(), "timmc-bench-test-"));
const files = { a: path.join(folder, "A/test_resnet/model.onnx"), b: path.join(folder, "B/test_resnet/model.onnx") };
const { signal } = new AbortController();
const shape = [1, 3, 160, 160];
const input = { dtype: "f32", shape, data: syntheticInput(shape) } as const;

beforeAll(async () => {
  const folded = { level: "2", passes: "dead-code,fold-batch-norm" };
  await compileArtifact("test_resnet", path.dirname(files.a), { level: "0" }, signal);
  await compileArtifact("test_resnet", path.dirname(files.b), folded, signal);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the nodes of a file, and those that torch's exporter would leave", () => {
  const [a, b] = [countNodes(files.a), countNodes(files.b)];
  expect(a.byType["BatchNormalization"]).toBeGreaterThan(0);
  expect(a.live).toBe(a.nodes);
  expect(a.comparable).toBe(a.nodes - (a.byType["BatchNormalization"] ?? 0));
  expect(b.nodes).toBe(a.comparable);
  expect(modelBytes(files.b)).toBeGreaterThan(1000);
});

test("a kept artifact is found again, another name is refused", () => {
  expect(findModelFile(path.join(folder, "A"), "test_resnet")).toBe(files.a);
  expect(() => findModelFile(folder, "resnet18")).toThrow(/there is neither .*resnet18/);
});

test("what does not compile is said in the command line's words", async () => {
  const failure = compileArtifact("resnet19", path.join(folder, "none"), { level: "2" }, signal);
  await expect(failure).rejects.toThrow(/compile resnet19 .*resnet18/s);
});

test("a race has as many rounds as asked for and sane figures", async () => {
  const ort = await loadOrt();
  const result = await race(ort, files, input, { threads: 1, runs: 7, signal });
  expect(result.rounds).toBe(7);
  for (const time of [result.wallA, result.wallB, result.cpuA, result.cpuB]) expect(time).toBeGreaterThan(0);
  for (const { low, median, high } of [result.wall, result.cpu, result.sameFile]) {
    expect(low).toBeLessThanOrEqual(median);
    expect(median).toBeLessThanOrEqual(high);
  }
  const { a, b } = await raceCreation(ort, files, signal);
  expect(Math.min(a, b)).toBeGreaterThan(0);
});

test("ONNX Runtime's own profile is read", async () => {
  const [a, b] = await profileFiles(await loadOrt(), [files.a, files.b], input, 3);
  expect(a?.get("Conv")?.nodes).toBe(countNodes(files.a).byType["Conv"]);
  expect(b?.get("Conv")?.ms).toBeGreaterThan(0);
  expect(headroomOf(a ?? new Map())).toBeGreaterThan(0);
  expect(headroomOf(a ?? new Map())).toBeLessThan(1);
});

test("an interrupted race ends", async () => {
  const stopped = race(await loadOrt(), files, input, { threads: 1, runs: 3, signal: AbortSignal.abort() });
  await expect(stopped).rejects.toThrow(/stopped/);
});

test("lists, names and patterns name models", async () => {
  expect(await selectModels(["six", "resnet50"])).toEqual(six);
  expect(await selectModels(["sixteen", "resnet34"])).toEqual([...sixteen, "resnet34"]);
  expect(await selectModels(["vgg1[16]"])).toEqual(["vgg11", "vgg16"]);
  await expect(selectModels(["nothing*"])).rejects.toThrow(/no architecture .* matches nothing\*/);
});
