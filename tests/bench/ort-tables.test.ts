import { expect, test } from "vitest";
import { six } from "../../bench/models.ts";
import { type FileFacts, type ModelResult } from "../../bench/ort.ts";
import { fileTable, profileTables, timeTable } from "../../bench/ort-tables.ts";

const around = (median: number) => ({ median, low: median - 0.001, high: median + 0.001 });

const facts = (nodes: number, bytes: number): FileFacts => ({
  nodes,
  live: nodes,
  comparable: nodes - 10,
  byType: {},
  bytes,
});

const resultOf = (model: string, ratio: number): ModelResult => ({
  model,
  files: { a: facts(100, 2048), b: facts(50, 1024) },
  creation: { a: 20, b: 10 },
  races: [
    {
      threads: 1,
      rounds: 30,
      wallA: 10,
      wallB: 10 * ratio,
      cpuA: 10,
      cpuB: 10 * ratio,
      wall: around(ratio),
      cpu: around(ratio),
      clock: "cpu",
      sameFile: around(1),
    },
  ],
  profile: undefined,
});

test("a row says what B is, and the mean is over what was run", () => {
  expect(timeTable([resultOf("small", 0.5), resultOf("large", 2)], 1)).toEqual([
    "1 thread   A ms   B ms   wall    CPU          95 %    A/A          95 %  rounds  B is",
    "small     10.00   5.00  0.500  0.500  0.499..0.501  1.000  0.999..1.001      30  faster",
    "large     10.00  20.00  2.000  2.000  1.999..2.001  1.000  0.999..1.001      30  slower",
    "geometric mean of all 2: wall 1.000, CPU 1.000, A/A 1.000",
  ]);
});

test("the clock that decides gives the interval and the verdict", () => {
  const [race] = resultOf("small", 1).races;
  if (race === undefined) throw new Error("a result without a race");
  const waiting = { ...race, threads: 2, wall: around(1.2), cpu: around(0.9) };
  const row = (clock: "wall" | "cpu") => timeTable([{ ...resultOf("small", 1), races: [{ ...waiting, clock }] }], 2)[1];
  expect(row("wall")).toMatch(/1\.200 {2}0\.900 {2}1\.199\.\.1\.201 .* slower$/);
  expect(row("cpu")).toMatch(/1\.200 {2}0\.900 {2}0\.899\.\.0\.901 .* faster$/);
});

test("a list that is complete has its own mean", () => {
  const lines = timeTable([...six.map((model) => resultOf(model, 0.9)), resultOf("other", 0.45)], 1);
  expect(lines.slice(-2)).toEqual([
    "geometric mean of six: wall 0.900, CPU 0.900, A/A 1.000",
    "geometric mean of all 7: wall 0.815, CPU 0.815, A/A 1.000",
  ]);
  expect(
    timeTable(
      six.map((model) => resultOf(model, 0.9)),
      1,
    ).filter((l) => l.startsWith("geometric")),
  ).toHaveLength(1);
});

test("files are compared by nodes, size and what loading takes", () => {
  expect(fileTable([resultOf("small", 1)])).toEqual([
    "files  nodes A  live, no BN  nodes B  ratio    size A    size B  ratio  load A ms  load B ms  ratio",
    "small      100           90       50  0.500  2.00 KiB  1.00 KiB  0.500       20.0       10.0  0.500",
    "geometric mean: nodes 0.500, size 0.500, load 0.500",
  ]);
});

test("a profile is by operator, what gained most first, with the headroom and how much of it was taken", () => {
  const profile = {
    a: new Map([
      ["Conv", { nodes: 5, ms: 8 }],
      ["Mul", { nodes: 2, ms: 1.98 }],
      ["Shape", { nodes: 1, ms: 0.02 }],
    ]),
    b: new Map([
      ["Conv", { nodes: 5, ms: 8 }],
      ["Resize", { nodes: 2, ms: 1 }],
    ]),
  };
  expect(profileTables({ ...resultOf("small", 0.9), profile })).toEqual([
    "small   nodes A  ms A  share A  nodes B  ms B  share B  taken of A",
    "Mul           2  1.98   19.8 %        0  0.00    0.0 %      19.8 %",
    "Conv          5  8.00   80.0 %        5  8.00   88.9 %       0.0 %",
    "Resize        0  0.00    0.0 %        2  1.00   11.1 %     -10.0 %",
    "other         1  0.02    0.2 %        0  0.00    0.0 %       0.2 %",
    "headroom 20.0 %, CPU ratio 0.900: 50.0 % of the headroom taken (49.5 % to 50.5 %)",
  ]);
  expect(profileTables(resultOf("small", 0.9))).toEqual([]);
});
