import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { symbol } from "../../src/ir/dim.ts";
import { Graph } from "../../src/ir/graph.ts";
import { interpret } from "../../src/ir/interpret.ts";
import { printGraph } from "../../src/ir/printer.ts";
import type { Value } from "../../src/ir/value.ts";
import { verify } from "../../src/ir/verifier.ts";
import { shapeOf } from "./graph-shape.ts";
import { environment, randomGraph } from "./random-graph.ts";
import { refusal } from "./refusal.ts";

const origin = (path: string) => ({ path, rules: [] });
const input = (g: Graph, path = "input", before?: Value): Value =>
  g.insert("input", [], { shape: [symbol("N"), 4] }, origin(path), before);
const neg = (g: Graph, x: Value, path = "neg", before?: Value): Value => g.insert("neg", [x], {}, origin(path), before);
const namesOf = (values: Iterable<Value>): string[] => [...values].map((v) => v.name);

describe("insert", () => {
  it("appends, or puts a value before another", () => {
    const g = new Graph("g");
    const x = input(g);
    const b = neg(g, x, "b");
    const a = neg(g, x, "a", b);
    const first = input(g, "first", x);
    expect(namesOf(g.values())).toEqual(["first", "input", "a", "b"]);
    expect(namesOf(g.reversed())).toEqual(["b", "a", "input", "first"]);
    expect([g.size, x.uses, a.uses, first.uses]).toEqual([4, 2, 0, 0]);
    verify(g);
  });

  it("names values by their path, in the order they are made", () => {
    const g = new Graph("g");
    const x = input(g, "");
    expect(x.name).toBe("_");
    expect([1, 2, 3].map(() => neg(g, x, "layer1.0").name)).toEqual(["layer1.0", "layer1.0~1", "layer1.0~2"]);
    expect(neg(g, x, "").name).toBe("_~1");
  });

  it("takes a repetition that is fresh, and goes on behind the largest", () => {
    const g = new Graph("g");
    const x = input(g);
    const numbered = (n: number): Value => g.insert("neg", [x], {}, origin("a"), undefined, n);
    expect([numbered(4).name, numbered(1).name, neg(g, x, "a").name]).toEqual(["a~4", "a~1", "a~5"]);
    expect(refusal(() => numbered(4))).toBe("the name %a~4 is taken");
  });

  it("refuses paths from which names cannot be read back", () => {
    const g = new Graph("g");
    for (const path of ["a~1", "_"]) expect(refusal(() => input(g, path))).toContain("cannot be a module path");
  });

  it("keeps operands before their users", () => {
    const g = new Graph("g");
    const x = input(g);
    const early = neg(g, x, "early");
    const late = neg(g, x, "late");
    const message = "cannot put neg before %early: it uses %late, which is behind";
    expect(refusal(() => neg(g, late, "y", early))).toBe(message);
    expect(refusal(() => neg(g, early, "y", early))).toContain("it uses %early, which is behind");
    expect(neg(g, early, "y", late).name).toBe("y");
    verify(g);
  });

  it("knows the order after any number of insertions at one place", () => {
    const g = new Graph("g");
    const x = input(g);
    const last = neg(g, x, "last");
    let before = last;
    for (let i = 0; i < 3000; i++) {
      const made = neg(g, x, "a", i % 3 === 0 ? before : last);
      if (i % 3 === 0) before = made;
    }
    const values = [...g.values()];
    expect(values.length).toBe(3002);
    for (let i = 2; i < values.length; i += 97) {
      const [left, right] = [values[i - 1], values[i]] as [Value, Value];
      expect(refusal(() => neg(g, right, "b", left))).toContain("which is behind");
      g.erase(neg(g, left, "b", right));
    }
    verify(g);
  });

  it("leaves the graph as it was when it refuses", () => {
    const g = new Graph("g");
    const other = new Graph("other");
    const x = input(g);
    const foreign = input(other);
    const before = printGraph(g);
    const refusals = [
      () => g.insert("add", [x, foreign], {}, origin("y")),
      () => neg(g, x, "y", foreign),
      () => g.insert("add", [x], {}, origin("y")),
      () => g.insert("reshape", [x], { shape: [3] }, origin("y")),
      () => g.insert("softmax", [x], { axes: 1 }, origin("y")),
      () => g.insert("softmax", [x], { constructor: 1 } as never, origin("y")),
      () => g.insert("softmax", [x], { axis: 0.5 }, origin("y")),
      () => g.insert("input", [], { shape: [-1] }, origin("y")),
      () => g.insert("input", [], { shape: Array.from({ length: 33 }, () => 1) }, origin("y")),
    ];
    for (const attempt of refusals) expect(refusal(attempt)).not.toBe("accepted");
    expect(printGraph(g)).toBe(before);
    expect(x.uses).toBe(0);
    expect(neg(g, x, "y").name).toBe("y");
    verify(g);
  });

  it("completes attributes in one form", () => {
    const g = new Graph("g");
    const x = input(g);
    expect(g.insert("softmax", [x], {}, origin("a")).attrs).toEqual({ axis: 1 });
    expect(g.insert("reduce_sum", [x], { axes: [-2] }, origin("a")).attrs).toEqual({ axes: [0], keep: false });
    const padded = g.insert("pad", [x], { padding: [-0, 0, 0, -0], value: -0 }, origin("a"));
    expect(padded.attrs.padding.some((p) => Object.is(p, -0))).toBe(false);
    expect(Object.is(padded.attrs.value, -0)).toBe(true);
  });

  it("knows weights: they depend on parameters and constants, and on no symbol", () => {
    const g = new Graph("g");
    const w = g.insert("param", [], { key: "w", shape: [8] }, origin("w"));
    const N = symbol("N");
    const half = g.insert("slice", [w], { axis: 0, range: [0, 4] }, origin("half"));
    const moving = g.insert("slice", [w], { axis: 0, range: [N, 4] }, origin("moving"));
    const fixed = g.insert("input", [], { shape: [8] }, origin("fixed"));
    expect([w, half, moving, fixed, neg(g, half), neg(g, fixed)].map((v) => v.isWeight)).toEqual([
      true,
      true,
      false,
      false,
      true,
      false,
    ]);
  });
});

describe("erase", () => {
  it("unlinks a value and releases its operands", () => {
    const g = new Graph("g");
    const x = input(g);
    const a = neg(g, x, "a");
    const b = g.insert("add", [a, a], {}, origin("b"));
    expect(a.uses).toBe(2);
    expect(refusal(() => g.erase(a))).toBe("cannot erase %a: it has 2 uses");
    g.erase(b);
    g.erase(a);
    expect(namesOf(g.values())).toEqual(["input"]);
    expect(refusal(() => g.erase(a))).toContain("%a does not belong to graph @g");
    expect(refusal(() => neg(g, a))).toContain("(or was erased)");
    verify(g);
  });

  it("keeps outputs", () => {
    const g = new Graph("g");
    const x = input(g);
    g.setOutputs([{ name: "y", value: x }]);
    expect(g.useCount(x)).toBe(1);
    expect(refusal(() => g.erase(x))).toBe("cannot erase %input: it has 1 uses");
    g.setOutputs([]);
    g.erase(x);
    expect([g.size, namesOf(g.values())]).toEqual([0, []]);
  });
});

describe("replaceUses", () => {
  it("redirects operands and outputs", () => {
    const g = new Graph("g");
    const x = input(g);
    const a = neg(g, x, "a");
    const b = neg(g, a, "b");
    const c = g.insert("add", [b, b], {}, origin("c"));
    g.setOutputs([
      { name: "b", value: b },
      { name: "c", value: c },
    ]);
    g.replaceUses(b, x);
    expect(c.operands).toEqual([x, x]);
    expect([g.useCount(b), x.uses, g.outputs[0]?.value]).toEqual([0, 3, x]);
    verify(g);
  });

  it("keeps what the replacement itself uses", () => {
    const g = new Graph("g");
    const x = input(g);
    const a = neg(g, x, "a");
    const user = neg(g, a, "user");
    g.setOutputs([{ name: "a", value: a }]);
    const middle = g.insert("exp", [a], {}, origin("middle"), user);
    const by = g.insert("add", [middle, a], {}, origin("by"), user);
    g.replaceUses(a, by);
    expect([middle.operands, by.operands, user.operands]).toEqual([[a], [middle, a], [by]]);
    expect([a.uses, by.uses, g.outputs[0]?.value]).toEqual([2, 1, by]);
    verify(g);
  });

  it("refuses a replacement behind a user that is no part of it", () => {
    const g = new Graph("g");
    const x = input(g);
    const a = neg(g, x, "a");
    neg(g, a, "user");
    const by = neg(g, neg(g, a, "part"), "by");
    const before = printGraph(g);
    const message = "cannot replace %a by %by: %user uses it and stands before the replacement";
    expect(refusal(() => g.replaceUses(a, by))).toBe(message);
    expect(printGraph(g)).toBe(before);
  });

  it("turns users into weights and back", () => {
    const g = new Graph("g");
    const x = g.insert("input", [], { shape: [4] }, origin("x"));
    const w = g.insert("param", [], { key: "w", shape: [4] }, origin("w"));
    const users = [neg(g, w)];
    users.push(neg(g, users[0] as Value));
    g.replaceUses(w, x);
    expect(users.map((v) => v.isWeight)).toEqual([false, false]);
    verify(g);
    g.replaceUses(x, w);
    expect(users.map((v) => v.isWeight)).toEqual([true, true]);
    verify(g);
  });

  it("refuses another type and values of other graphs", () => {
    const g = new Graph("g");
    const x = input(g);
    const y = g.insert("transpose", [x], { perm: [1, 0] }, origin("y"));
    expect(refusal(() => g.replaceUses(x, y))).toBe("cannot replace %input (f32[N,4]) by %y (f32[4,N])");
    expect(refusal(() => g.replaceUses(x, input(new Graph("h"))))).toContain("does not belong to graph @g");
  });
});

describe("iteration", () => {
  const chain = (): { g: Graph; values: Value[] } => {
    const g = new Graph("g");
    const values = [input(g, "0")];
    for (const path of ["1", "2", "3"]) values.push(neg(g, values.at(-1) as Value, path));
    return { g, values };
  };

  it("sees what is appended and skips what is put behind it", () => {
    const { g, values } = chain();
    const seen: string[] = [];
    for (const value of g.values()) {
      seen.push(value.name);
      if (value === values[2]) {
        neg(g, values[0] as Value, "before", value);
        neg(g, value, "end");
      }
    }
    expect(seen).toEqual(["0", "1", "2", "3", "end"]);
  });

  it("survives replacing and erasing the current value", () => {
    const { g, values } = chain();
    for (const value of g.values()) {
      const [x] = value.operands;
      if (value.op !== "neg" || x === undefined) continue;
      const by = g.insert("exp", [x], {}, value.origin, value);
      g.replaceUses(value, by);
      g.erase(value);
    }
    expect([...g.values()].map((v) => v.op)).toEqual(["input", "exp", "exp", "exp"]);
    expect(g.owns(values[1] as Value)).toBe(false);
    verify(g);
  });

  it.each(["values", "reversed"] as const)("%s leaves out neighbours that were erased too", (direction) => {
    const g = new Graph("g");
    const all = ["0", "1", "2", "3", "4"].map((path) => input(g, path));
    const seen: string[] = [];
    for (const value of g[direction]()) {
      seen.push(value.name);
      if (value !== all[2]) continue;
      for (const i of [2, 3, 1]) g.erase(all[i] as Value);
    }
    expect(seen).toEqual(direction === "values" ? ["0", "1", "2", "4"] : ["4", "3", "2", "0"]);
  });

  it("meets what is put ahead after the current value was erased", () => {
    const { g, values } = chain();
    const seen: string[] = [];
    for (const value of g.values()) {
      seen.push(value.name);
      if (value !== values[3]) continue;
      g.erase(value);
      neg(g, values[0] as Value, "end");
    }
    expect(seen).toEqual(["0", "1", "2", "3", "end"]);
  });

  it("erases dead values in one pass from the end", () => {
    const { g, values } = chain();
    g.setOutputs([{ name: "y", value: values[1] as Value }]);
    for (const value of g.reversed()) if (g.useCount(value) === 0) g.erase(value);
    expect(namesOf(g.values())).toEqual(["0", "1"]);
    verify(g);
  });
});

describe("clone", () => {
  it("is equal and independent", () => {
    fc.assert(
      fc.property(randomGraph, (graph) => {
        const text = printGraph(graph);
        const { graph: copy, map } = graph.clone();
        verify(copy);
        expect(shapeOf(copy)).toEqual(shapeOf(graph));
        expect(namesOf(copy.values())).toEqual(namesOf(graph.values()));
        for (const [old, made] of map)
          expect([graph.owns(old), copy.owns(old), copy.owns(made)]).toEqual([true, false, true]);
        copy.setOutputs([]);
        for (const value of copy.reversed()) copy.erase(value);
        expect([copy.size, printGraph(graph)]).toEqual([0, text]);
        verify(graph);
      }),
      { numRuns: 50 },
    );
  });

  it("names new values as the original would", () => {
    const g = new Graph("g");
    g.erase(neg(g, input(g), "a"));
    const { graph: copy } = g.clone();
    const [x] = copy.values();
    expect(neg(copy, x as Value, "a").name).toBe("a~1");
  });
});

describe("edits", () => {
  it("that drop what no output needs change no output", () => {
    fc.assert(
      fc.property(randomGraph, (graph) => {
        const before = interpret(graph, environment);
        for (const value of graph.reversed()) if (graph.useCount(value) === 0) graph.erase(value);
        verify(graph);
        expect(interpret(graph, environment)).toEqual(before);
      }),
      { numRuns: 100 },
    );
  });
});
