import { readFileSync, readdirSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Graph } from "../../src/ir/graph.ts";
import { interpret } from "../../src/ir/interpret.ts";
import { parseGraph } from "../../src/ir/parser.ts";
import { printGraph, printValue } from "../../src/ir/printer.ts";
import { verify } from "../../src/ir/verifier.ts";
import { shapeOf } from "./graph-shape.ts";
import { environment, randomGraph } from "./random-graph.ts";
import { refusal } from "./refusal.ts";

const folder = (name: string): URL => new URL(`../lit/${name}/`, import.meta.url);
const cases = (name: string): [string, string][] =>
  readdirSync(folder(name)).map((file) => [file, readFileSync(new URL(file, folder(name)), "utf8")]);

describe("tests/lit/text", () => {
  it.each(cases("text"))("%s prints as it is written", (_, text) => {
    const graph = parseGraph(text);
    verify(graph);
    const code = text
      .split("\n")
      .filter((line) => !line.startsWith("//"))
      .join("\n");
    expect(printGraph(graph)).toBe(code);
  });
});

describe("tests/lit/errors", () => {
  it.each(cases("errors"))("%s is refused as its first line says", (_, text) => {
    const expected = /^\/\/ error: (.*)/.exec(text)?.[1] ?? "a first line `// error: ...`";
    expect(refusal(() => parseGraph(text)).split("\n")[0]).toBe(expected);
  });
});

describe("random graphs", () => {
  it("are read back exactly, are valid, and compute the same", () => {
    fc.assert(
      fc.property(randomGraph, (graph) => {
        verify(graph);
        const text = printGraph(graph);
        const back = parseGraph(text);
        verify(back);
        expect(shapeOf(back)).toEqual(shapeOf(graph));
        expect(printGraph(back)).toBe(text);
        expect(interpret(back, environment)).toEqual(interpret(graph, environment));
      }),
      { numRuns: 300 },
    );
  });

  it("continue after parsing with names of their own", () => {
    fc.assert(
      fc.property(randomGraph, (graph) => {
        const back = parseGraph(printGraph(graph));
        for (const { origin } of graph.values()) back.insert("constant", [], { values: [1] }, origin);
        verify(back);
      }),
      { numRuns: 50 },
    );
  });
});

describe("damaged text", () => {
  const texts = cases("text").map(([, text]) => text);

  it("is refused with a place, never a crash", () => {
    const damage = fc.record({
      from: fc.nat(4000),
      drop: fc.nat(8),
      put: fc.oneof(
        fc.string({ maxLength: 6 }),
        fc.constantFrom("~", '"', "%", "$", "[", "-", "NaN", "1e999", "__proto__", "constructor", "floor(", "\\", "N*"),
      ),
    });
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(damage, { minLength: 1, maxLength: 3 }), (text, damages) => {
        let broken = text;
        for (const { from, drop, put } of damages) {
          const i = from % broken.length;
          broken = broken.slice(0, i) + put + broken.slice(i + drop);
        }
        const answer = refusal(() => verify(parseGraph(broken)));
        expect(answer).toMatch(/^(accepted$|\d+:\d+)/);
      }),
      { numRuns: 3000 },
    );
  });

  it("is refused quickly where it is huge", () => {
    const start = performance.now();
    for (const text of [
      "graph @x {".repeat(100_000),
      `graph @${"x".repeat(5_000_000)}`,
      `graph @"${"\\".repeat(1_000_001)}"`,
      `graph @x { %a = input() {shape=[${"N,".repeat(100_000)}N]} : f32[N] }`,
      `graph @x { %a = input() {shape=[${"[".repeat(100_000)}`,
      `graph @x { %a = input() {shape=[2]} : f32[2] %b = concat(${"%a, ".repeat(200_000)}%a) {axis=0} : f32[3] }`,
      `graph @x { weights { $a = constant() {values=[1], shape=[${"1,".repeat(200_000)}1]} : f32[] } }`,
      `graph @x {${"// comment\n".repeat(200_000)}`,
    ])
      expect(refusal(() => parseGraph(text))).toMatch(/^\d+:\d+/);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe("printValue", () => {
  it("is one line of the text", () => {
    const graph = new Graph("g");
    const x = graph.insert("input", [], { shape: [2] }, { path: "input", rules: [] });
    const y = graph.insert("softmax", [x], {}, { path: "", rules: ["a-rule"] });
    expect(printValue(y)).toBe("%_ = softmax(%input) : f32[2] by a-rule");
  });
});
