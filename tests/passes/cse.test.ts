import { describe, expect, it } from "vitest";
import type { Builder } from "../../src/ir/builder.ts";
import { symbol } from "../../src/ir/dim.ts";
import { Graph } from "../../src/ir/graph.ts";
import type { Value } from "../../src/ir/value.ts";
import { cse } from "../../src/passes/whole-graph/cse.ts";
import { applied, body, graphOf } from "./rules/harness.ts";

const graph = (build: (b: Builder, x: Value) => Readonly<Record<string, Value>>): Graph =>
  graphOf((on) => build(on("b"), on("x").input({ shape: [symbol("N"), 3] })));

const merged: Readonly<Record<string, [number, (b: Builder, x: Value) => Readonly<Record<string, Value>>]>> = {
  "running values": [1, (b, x) => ({ y: b.add(b.abs(x), b.abs(x)) })],
  "expressions, from the leaves up": [2, (b, x) => ({ y: b.add(b.neg(b.abs(x)), b.neg(b.abs(x))) })],
  "parameters of one key": [
    1,
    (b, x) => ({ y: b.add(b.mul(x, b.param({ key: "k", shape: [3] })), b.param({ key: "k", shape: [3] })) }),
  ],
  "constants of equal value": [
    1,
    (b, x) => ({ y: b.add(b.mul(x, b.constant({ values: [2] })), b.constant({ values: [2] })) }),
  ],
  "attributes with symbols": [
    1,
    (b, x) => {
      const flat = { shape: [3, symbol("N")] };
      return { y: b.add(b.reshape(x, flat), b.reshape(x, flat)) };
    },
  ],
  "weight expressions": [
    2,
    (b, x) => {
      const table = (): Value => b.roll(b.iota({ shape: [3], dtype: "f32" }), { axis: 0, shift: 1 });
      return { y: b.add(b.mul(x, table()), table()) };
    },
  ],
  "absent operands, which are equal": [
    1,
    (b, x) => ({ y: b.add(b.rms_norm(x, undefined, { eps: 1 }), b.rms_norm(x, undefined, { eps: 1 })) }),
  ],
};

const distinct: Readonly<Record<string, (b: Builder, x: Value) => Readonly<Record<string, Value>>>> = {
  "other operands": (b, x) => ({ y: b.sub(b.neg(x), b.neg(b.abs(x))) }),
  "operands in another order": (b, x) => ({ y: b.mul(b.sub(x, b.abs(x)), b.sub(b.abs(b.neg(x)), x)) }),
  "other attributes": (b, x) => ({ y: b.add(b.clamp(x, { low: 0 }), b.clamp(x, { low: -0 })) }),
  "another key": (b, x) => ({
    y: b.add(b.mul(x, b.param({ key: "k", shape: [3] })), b.param({ key: "l", shape: [3] })),
  }),
  "another element type": (b, x) => ({
    y: b.add(x, b.constant({ values: [1] })),
    z: b.cast(b.constant({ values: [1], dtype: "i64" }), { to: "f32" }),
  }),
};

describe("cse", () => {
  it.each(Object.entries(merged))("makes one value of %s", (_, [count, build]) => {
    const g = graph(build);
    expect(applied(g, cse)).toEqual({ cse: count });
    expect(applied(g, cse)).toEqual({ cse: 0 });
  });

  it.each(Object.entries(distinct))("tells apart: %s", (_, build) =>
    expect(applied(graph(build), cse)).toEqual({ cse: 0 }),
  );

  it("keeps inputs of one type apart", () => {
    const g = graphOf((on) => ({ y: on("y").sub(on("a").input({ shape: [2] }), on("b").input({ shape: [2] })) }));
    expect(applied(g, cse)).toEqual({ cse: 0 });
  });

  it("keeps every output under its name, and the first value with its own", () => {
    const g = graphOf((on) => {
      const x = on("x").input({ shape: [2] });
      const first = on("first").abs(x);
      const second = on("second").abs(x);
      return { second, first, both: on("both").add(first, second) };
    });
    expect(applied(g, cse)).toEqual({ cse: 1 });
    expect(g.outputs.map((o) => [o.name, o.value.name])).toEqual([
      ["second", "first"],
      ["first", "first"],
      ["both", "both"],
    ]);
    expect(body(g)).toEqual(["input", "abs", "add"]);
  });
});
