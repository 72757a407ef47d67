import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { type Builder, builderAt } from "../../src/ir/builder.ts";
import { type Dim, isStatic, printShape, symbol } from "../../src/ir/dim.ts";
import type { Graph } from "../../src/ir/graph.ts";
import { interpret } from "../../src/ir/interpret.ts";
import { graphMacs } from "../../src/ir/macs.ts";
import type { Value } from "../../src/ir/value.ts";
import { deadCode } from "../../src/passes/whole-graph/dead-code.ts";
import { narrow } from "../../src/passes/whole-graph/narrow.ts";
import { runPipeline } from "../../src/passes/pass.ts";
import { verifying } from "../../src/passes/verifying.ts";
import { environment, randomGraph } from "../ir/random-graph.ts";
import { applied, body, graphOf } from "./rules/harness.ts";

type On = (path: string) => Builder;

const n = symbol("N");
const input = (on: On, shape: readonly Dim[] = [n, 6, 8]): Value => on("x").input({ shape });
const param = (on: On, key: string, shape: readonly number[]): Value => on(key).param({ key, shape });
const linear = (on: On, key: string, x: Value, outputs: number): Value => {
  const inputs = Number(x.type.shape.at(-1));
  return on(key).linear(x, param(on, `${key}.weight`, [outputs, inputs]), param(on, `${key}.bias`, [outputs]));
};
const norm = (on: On, key: string, x: Value): Value =>
  on(key).layer_norm(x, param(on, `${key}.weight`, [8]), undefined, { eps: 1e-6 });
const token = (on: On, x: Value, i: number): Value => on("pool").slice(x, { axis: 1, range: [i, i + 1] });

/** A block of a vision transformer of width 8 with two heads. */
function block(on: On, key: string, x: Value): Value {
  const [rows = n, tokens = 1] = x.type.shape;
  const b = on(`${key}.attn`);
  const packed = linear(on, `${key}.qkv`, norm(on, `${key}.norm1`, x), 24);
  const heads = [0, 8, 16].map((from) => {
    const part = b.slice(packed, { axis: -1, range: [from, from + 8] });
    return b.transpose(b.reshape(part, { shape: [rows, tokens, 2, 4] }), { perm: [0, 2, 1, 3] });
  });
  const [q = x, k = x, v = x] = heads;
  const mixed = b.transpose(b.attention(q, k, v, undefined, { scale: 0.5 }), { perm: [0, 2, 1, 3] });
  const y = on(key).add(x, linear(on, `${key}.proj`, b.reshape(mixed, { shape: [rows, tokens, 8] }), 8));
  const hidden = on(`${key}.act`).activation(linear(on, `${key}.fc1`, norm(on, `${key}.norm2`, y), 16), {
    kind: "gelu",
  });
  return on(key).add(y, linear(on, `${key}.fc2`, hidden, 8));
}

/** Shapes of what runs, by module path; without the slices. */
const shapes = (graph: Graph): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...graph.values()].flatMap((v) =>
      v.isWeight || v.op === "slice" ? [] : [[v.origin.path, printShape(v.type.shape)] as const],
    ),
  );

const slicesOf = (graph: Graph, path: string): number =>
  [...graph.values()].filter((v) => v.op === "slice" && !v.isWeight && v.operands[0]?.origin.path === path).length;

describe("narrow on transformer blocks", () => {
  const classifier = (on: On, tokens: (y: Value) => readonly Value[]): Readonly<Record<string, Value>> => {
    const y = norm(on, "norm", block(on, "b1", block(on, "b0", input(on))));
    const [first = y, ...others] = tokens(y).map((t, i) => linear(on, `head${i}`, t, 3));
    return { logits: others.reduce((sum, t) => on("").add(sum, t), first) };
  };

  it("computes the queries, the projection and the MLP of the last block for the class token alone", () => {
    const graph = graphOf((on) => classifier(on, (y) => [token(on, y, 0)]));
    const before = graphMacs(graph);
    expect(applied(graph, narrow)["narrow"]).toBe(15);
    expect(shapes(graph)).toMatchObject({
      "b0.qkv": "[N,6,24]",
      "b0.fc1": "[N,6,16]",
      "b1.norm1": "[N,6,8]",
      "b1.proj": "[N,1,8]",
      "b1.norm2": "[N,1,8]",
      "b1.fc1": "[N,1,16]",
      norm: "[N,1,8]",
    });
    const projections = [...graph.values()].filter((v) => v.op === "linear" && v.origin.path === "b1.qkv");
    expect(projections.map((v) => printShape(v.type.shape))).toEqual(["[N,6,16]", "[N,1,8]"]);
    expect(projections.every((v) => v.origin.rules.join() === "narrow")).toBe(true);
    expect(graphMacs(graph)).toBeLessThan(0.7 * before);
    expect(applied(graph, narrow)["narrow"]).toBe(0);
  });

  it("slices the residual stream once for all of its users", () => {
    const graph = graphOf((on) => {
      const x = on("b").abs(input(on));
      return { y: token(on, on("sum").add(norm(on, "norm", x), on("twice").mul(x, x)), 0), whole: x };
    });
    applied(graph, narrow);
    expect(slicesOf(graph, "b")).toBe(1);
    expect(body(graph)).toEqual(["input", "abs", "slice", "layer_norm", "mul", "add"]);
  });

  it("takes the hull of two tokens that stand together, and leaves two that stand apart", () => {
    const distilled = graphOf((on) => classifier(on, (y) => [token(on, y, 3), token(on, y, 4)]));
    expect(applied(distilled, narrow)["narrow"]).toBeGreaterThan(0);
    expect(shapes(distilled)["b1.fc1"]).toBe("[N,2,16]");
    const apart = graphOf((on) => classifier(on, (y) => [token(on, y, 0), token(on, y, 5)]));
    expect(applied(apart, narrow)["narrow"]).toBe(0);
  });

  it("computes a tapped value whole, and only what follows it in part", () => {
    const graph = graphOf((on) => {
      const y = block(on, "b1", block(on, "b0", input(on)));
      return { "features.1": y, logits: token(on, norm(on, "norm", y), 0) };
    });
    expect(applied(graph, narrow)["narrow"]).toBe(1);
    expect(shapes(graph)).toMatchObject({ "b1.fc1": "[N,6,16]", norm: "[N,1,8]" });
    expect(graph.outputs.map((o) => o.name)).toEqual(["features.1", "logits"]);
  });
});

/** What is computed, from a running x [N, 6, 8], and the shape of each op in it that is computed in part. */
const through: Readonly<Record<string, { readonly build: (on: On, x: Value) => Value; readonly part: string }>> = {
  "a broadcast operand": {
    build: (on, x) => token(on, on("part").mul(x, param(on, "gain", [6, 1])), 2),
    part: "[N,1,8]",
  },
  "where and its condition": {
    build: (on, x) => token(on, on("part").where(on("less").less(x, on("abs").abs(x)), x, param(on, "y", [8])), 2),
    part: "[N,1,8]",
  },
  "a softmax along another axis": {
    build: (on, x) => token(on, on("part").softmax(x), 2),
    part: "[N,1,8]",
  },
  "the rows of a product": {
    build: (on, x) => token(on, on("part").matmul(x, param(on, "m", [8, 7])), 2),
    part: "[N,1,7]",
  },
  "the columns of a product": {
    build: (on, x) => on("cut").slice(on("part").matmul(x, param(on, "m", [8, 7])), { axis: -1, range: [2, 4] }),
    part: "[N,6,2]",
  },
  "features of a linear layer, as rows of its weight": {
    build: (on, x) => on("cut").slice(linear(on, "part", x, 9), { axis: -1, range: [4, 8] }),
    part: "[N,6,4]",
  },
  "every second row of a slice": {
    build: (on, x) => token(on, on("every").slice(on("part").abs(x), { axis: 1, range: [1, 6], step: 2 }), 1),
    part: "[N,1,8]",
  },
  "a slice with steps": {
    build: (on, x) => on("every").slice(on("part").abs(x), { axis: 1, range: [1, 4], step: 2 }),
    part: "[N,3,8]",
  },
  "a reshape that keeps the axis": {
    build: (on, x) => token(on, on("part").reshape(x, { shape: [n, 6, 2, 4] }), 5),
    part: "[N,1,2,4]",
  },
  "a reshape that moves the axis": {
    build: (on, x) => on("cut").slice(on("part").reshape(x, { shape: [n, 2, 3, 1, 8] }), { axis: 4, range: [0, 3] }),
    part: "[N,2,3,1,3]",
  },
  "a repetition": {
    build: (on, x) => on("cut").slice(on("part").expand(x, { shape: [4, n, 6, 8] }), { axis: 0, range: [0, 2] }),
    part: "[2,N,6,8]",
  },
  "picked entries, some of them": {
    build: (on, x) => {
      const indices = on("i").constant({ values: [4, 0, 3, 3], dtype: "i64", shape: [4] });
      return token(on, on("part").gather(x, indices, { axis: 1 }), 2);
    },
    part: "[N,1,8]",
  },
  "picked entries of a part": {
    build: (on, x) => {
      const indices = on("i").constant({ values: [4, 0], dtype: "i64", shape: [2] });
      return on("cut").slice(on("part").gather(x, indices, { axis: 1 }), { axis: 2, range: [3, 5] });
    },
    part: "[N,2,2]",
  },
  "tokens before and behind a seam": {
    build: (on, x) => {
      const long = on("part").concat([x, x], { axis: 1 });
      return on("cut").slice(long, { axis: 1, range: [4, 8] });
    },
    part: "[N,4,8]",
  },
  "attention with a bias, by query": {
    build: (on, x) => token(on, on("part").attention(x, x, x, param(on, "bias", [6, 6]), { scale: 0.3 }), 2),
    part: "[N,1,8]",
  },
  "attention with a bias for all queries, by feature": {
    build: (on, x) => {
      const mixed = on("part").attention(x, x, x, param(on, "bias", [1, 6]), { scale: 0.3 });
      return on("cut").slice(mixed, { axis: 2, range: [2, 4] });
    },
    part: "[N,6,2]",
  },
};

describe("narrow passes through", () => {
  it.each(Object.entries(through))("%s", (_, { build, part }) => {
    const graph = graphOf((on) => ({ y: build(on, on("source").neg(input(on))) }));
    expect(applied(graph, narrow)["narrow"]).toBeGreaterThan(0);
    expect(shapes(graph)["part"]).toBe(part);
    expect(applied(graph, narrow)["narrow"]).toBe(0);
  });

  it("a concatenation, whose other operands are forgotten", () => {
    const graph = graphOf((on) => {
      const patches = linear(on, "patches", input(on), 8);
      const cls = on("cls").expand(param(on, "cls", [1, 1, 8]), { shape: [n, 1, 8] });
      return { y: token(on, on("all").concat([cls, patches], { axis: 1 }), 0) };
    });
    expect(applied(graph, narrow)["narrow"]).toBe(1);
    expect(body(graph)).toEqual(["input", "expand"]);
  });

  it("an axis whose extent is a symbol, as far as the numbers of a slice go", () => {
    const graph = graphOf((on) => {
      const x = linear(on, "fc", on("x").input({ shape: [symbol("N"), 8] }), 3);
      return { y: on("first").slice(x, { axis: 0, range: [0, 1] }) };
    });
    expect(applied(graph, narrow)["narrow"]).toBe(1);
    expect(shapes(graph)["fc"]).toBe("[1,3]");
  });
});

const stays: Readonly<Record<string, (on: On, x: Value) => Readonly<Record<string, Value>>>> = {
  "more than half is read: copying costs what computing does": (on, x) => ({
    y: on("drop").slice(on("").abs(x), { axis: 1, range: [1, 6] }),
  }),
  "the value is an output as well": (on, x) => {
    const y = on("").abs(x);
    return { y, first: token(on, y, 0) };
  },
  "another user reads everything": (on, x) => {
    const y = on("").abs(x);
    return { mean: on("").reduce_mean(y, { axes: [1] }), first: token(on, y, 0) };
  },
  "the axis is the one that is normalised": (on, x) => ({
    y: on("cut").slice(norm(on, "norm", x), { axis: 2, range: [0, 2] }),
  }),
  "softmax runs along the axis": (on, x) => ({ y: token(on, on("").softmax(x, { axis: 1 }), 0) }),
  "a reshape merges the axis into another": (on, x) => {
    const flat = on("").reshape(x, { shape: [n, 48] });
    return { y: on("cut").slice(flat, { axis: 1, range: [0, 8] }) };
  },
  "entries are picked along the axis": (on, x) => {
    const indices = on("i").constant({ values: [4], dtype: "i64", shape: [1] });
    return { y: on("").gather(on("").abs(x), indices, { axis: 1 }) };
  },
  "the bounds of the slice are symbols": (on, x) => ({
    y: on("cut").slice(on("").abs(x), { axis: 0, range: [0, n] }),
  }),
  "the op mixes everything": (on, x) => ({ y: token(on, on("").roll(x, { axis: 1, shift: 1 }), 0) }),
  "all parts of a packed projection are read whole": (on, x) => {
    const packed = linear(on, "kv", x, 8);
    const [k, v] = [0, 4].map((from) => on("").slice(packed, { axis: -1, range: [from, from + 4] }));
    return { y: on("").add(k ?? x, v ?? x) };
  },
};

describe("narrow stays away where", () => {
  it.each(Object.entries(stays))("%s", (_, build) => {
    const graph = graphOf((on) => build(on, input(on)));
    const before = body(graph);
    expect(applied(graph, narrow)["narrow"]).toBe(0);
    expect(body(graph)).toEqual(before);
  });
});

describe("narrow divides a packed projection", () => {
  const features = (on: On, x: Value, from: number, to: number): Value =>
    on("part").slice(x, { axis: -1, range: [from, to] });
  const linears = (build: (on: On, packed: Value) => Readonly<Record<string, Value>>, shape?: readonly Dim[]) => {
    const graph = graphOf((on) => build(on, linear(on, "packed", input(on, shape), 8)));
    applied(graph, narrow);
    expect(applied(graph, narrow)["narrow"]).toBe(0);
    return [...graph.values()].flatMap((v) => (v.op === "linear" ? [printShape(v.type.shape)] : []));
  };

  it("where a part is wanted of few tokens", () =>
    expect(
      linears((on, y) => ({
        q: token(on, features(on, y, 0, 2), 3),
        k: features(on, y, 2, 5),
        v: features(on, y, 5, 8),
      })),
    ).toEqual(["[N,6,6]", "[N,1,2]"]));

  it("where the number of tokens is a symbol", () =>
    expect(
      linears((on, y) => ({ q: token(on, features(on, y, 0, 2), 0), v: features(on, y, 2, 8) }), [n, symbol("N"), 8]),
    ).toEqual(["[N,N,6]", "[N,1,2]"]));

  it("where its parts are taken apart in two steps", () =>
    expect(
      linears((on, y) => {
        const kv = features(on, y, 0, 4);
        const [k, v] = [features(on, kv, 0, 2), features(on, kv, 2, 4)];
        return { y: on("").add(token(on, k, 0), token(on, v, 0)), g: features(on, y, 4, 8) };
      }),
    ).toEqual(["[N,6,4]", "[N,1,4]"]));

  it("only where nothing reads it whole", () => {
    const q = (on: On, y: Value): Value => token(on, features(on, y, 0, 4), 0);
    expect(linears((on, y) => ({ q: q(on, y), all: on("").reduce_mean(y, { axes: [1] }) }))).toEqual(["[N,6,8]"]);
    expect(linears((on, y) => ({ q: q(on, y), k: features(on, y, 4, 8), all: y }))).toEqual(["[N,6,8]"]);
  });

  it("only where that saves products: parts may overlap", () =>
    expect(
      linears((on, y) => ({ q: token(on, features(on, y, 0, 6), 0), k: on("").abs(features(on, y, 0, 8)) })),
    ).toEqual(["[N,6,8]"]));
});

describe("narrow on random graphs", () => {
  /** A random graph of which only single entries of some values are read. */
  const readInPart = fc
    .tuple(randomGraph, fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { minLength: 1, maxLength: 3 }))
    .map(([graph, picks]) => {
      const running = [...graph.values()].filter((v) => !v.isWeight && v.op !== "input" && v.type.shape.length > 0);
      const outputs = picks.flatMap(([which, where, from], i) => {
        const value = running[running.length - 1 - (which % Math.min(running.length, 8))];
        if (value === undefined) return [];
        const axis = where % value.type.shape.length;
        const extent = value.type.shape[axis] ?? 1;
        const start = isStatic(extent) ? from % extent : 0;
        const b = builderAt({ graph, origin: { path: "read", rules: [] } });
        return [{ name: `entry.${i}`, value: b.slice(value, { axis, range: [start, start + 1] }) }];
      });
      graph.setOutputs(outputs);
      return graph;
    });

  it("keeps every number, and leaves nothing for a second run", { timeout: 60_000 }, () => {
    let fired = 0;
    fc.assert(
      fc.property(readInPart, (graph) => {
        const before = interpret(graph, environment);
        const [run] = runPipeline(graph, [narrow], [verifying]);
        const after = interpret(graph, environment);
        for (const [name, { shape, data }] of before) {
          expect(after.get(name)?.shape).toEqual(shape);
          expect(after.get(name)?.data).toEqual(data);
        }
        expect(runPipeline(graph, [narrow])[0]?.counts).toEqual({ narrow: 0 });
        if (run?.counts["narrow"] !== 0) fired++;
      }),
      { seed: 20_260_101, numRuns: 150, endOnFailure: true },
    );
    expect(fired).toBeGreaterThan(75);
  });
});

describe("narrow on models", () => {
  const lowered = async (model: string, taps?: readonly string[]): Promise<Graph> => {
    const { graph } = (await lowerRequest({ model, ...(taps === undefined ? {} : { taps }) })).lowered;
    deadCode.run(graph);
    return graph;
  };
  /** Values made anew, and the share of multiply-accumulates that is saved. */
  const narrowing = (graph: Graph): readonly [count: number, saved: number] => {
    const before = graphMacs(graph);
    const [run] = runPipeline(graph, [narrow], [verifying]);
    return [run?.counts["narrow"] ?? 0, 1 - graphMacs(graph) / before];
  };

  it.each([
    ["vit_tiny_patch16_224", "[N,1,768]"],
    ["vit_base_patch14_reg4_dinov2", "[N,1,3072]"],
    ["deit_tiny_distilled_patch16_224", "[N,2,768]"],
    ["deit3_small_patch16_224", "[N,1,1536]"],
  ])("%s: the last block computes %s in its MLP", async (model, shape) => {
    const graph = await lowered(model);
    const [count, saved] = narrowing(graph);
    expect(count).toBeGreaterThan(0);
    expect(saved).toBeGreaterThan(0.06);
    expect(shapes(graph)["blocks.11.mlp.fc1"]).toBe(shape);
    expect(narrowing(graph)[0]).toBe(0);
  });

  it.each([
    ["vit_base_patch16_gap_224"],
    ["vit_base_patch16_reg4_gap_256"],
    ["vit_base_patch16_siglip_224"],
    ["swin_tiny_patch4_window7_224"],
    ["efficientnet_b0"],
  ])("%s uses all that it computes", async (model) => expect(narrowing(await lowered(model))).toEqual([0, 0]));

  it("nothing before a tap on all tokens is narrowed", async () => {
    const graph = await lowered("vit_tiny_patch16_224", ["forward_features", "logits"]);
    expect(narrowing(graph)).toEqual([0, 0]);
    const features = await lowered("vit_tiny_patch16_224", ["features.10", "logits"]);
    expect(narrowing(features)[1]).toBeGreaterThan(0.06);
  });
});
