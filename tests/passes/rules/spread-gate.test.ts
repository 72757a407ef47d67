import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import type { Dim } from "../../../src/ir/dim.ts";
import { symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import { spreadGate } from "../../../src/passes/rules/spread-gate.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

type On = (path: string) => Builder;
type Gate = (on: On, x: Value) => Value;

const N = symbol("N");
const dense = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };
const layer = (on: On, key: string, x: Value, to: number): Value =>
  on(key).conv(x, on(key).param({ key, shape: [to, Number(x.type.shape[1]), 1, 1] }), undefined, dense);

/** Two convolutions with an activation between, and the gate's own. */
const excite = (on: On, mean: Value): Value => {
  const hidden = on("act").activation(layer(on, "reduce", mean, 2), { kind: "silu" });
  return on("gate").activation(layer(on, "expand", hidden, 4), { kind: "sigmoid" });
};
const squeezeExcite: Gate = (on, x) => excite(on, on("mean").reduce_mean(x, { axes: [2, 3], keep: true }));
const channelAttention: Gate = (on, x) => {
  const mean = on("mean").reduce_mean(x, { axes: [2, 3] });
  const row = on("row").reshape(mean, { shape: [N, 1, 4] });
  const kernel = on("k").param({ key: "k", shape: [1, 1, 3] });
  const mixed = on("mix").conv(row, kernel, undefined, { stride: [1], padding: [1, 1], dilation: [1] });
  return on("gate").reshape(on("gate").activation(mixed, { kind: "hard_sigmoid" }), { shape: [N, 4, 1, 1] });
};
const pooled: Gate = (on, x) =>
  excite(on, on("p").avg_pool(x, { kernel: [3, 2], stride: [1, 1], padding: [0, 0, 0, 0] }));

const convolved: Gate = (on, x) => on("swish").activation(layer(on, "stem", x, 4), { kind: "silu" });

const gated = (gate: Gate, shape: readonly Dim[] = [N, 4, 3, 2], swapped = false, made: Gate = convolved): Graph =>
  graphOf((on) => {
    const image = on("x").input({ shape });
    const x = made(on, image);
    const g = gate(on, x);
    return { y: swapped ? on("y").mul(g, x) : on("y").mul(x, g) };
  });

const fires: Readonly<Record<string, Graph>> = {
  "on a squeeze-excite": gated(squeezeExcite),
  "with the gate first": gated(squeezeExcite, [N, 4, 3, 2], true),
  "where the mean is a pool": gated(pooled),
  "at a fixed batch": gated(squeezeExcite, [2, 4, 3, 2]),
};

const nearMisses: Readonly<Record<string, readonly [Graph, string]>> = {
  "the gate is a weight of the model": [
    gated((on) => on("g").param({ key: "g", shape: [1, 4, 1, 1] })),
    "neither factor is a gate [N, C, 1, 1]",
  ],
  "the gate is one number per image": [
    gated((on, x) => on("m").reduce_mean(x, { axes: [1, 2, 3], keep: true })),
    "neither factor is a gate [N, C, 1, 1]",
  ],
  "the gate comes from elsewhere": [
    gated((on) => on("other").input({ shape: [N, 4, 1, 1] })),
    "the gate comes from input, and not from the mean of a map",
  ],
  "the gate comes from a convolution over the channels": [
    gated(channelAttention),
    "the gate comes from reshape, and not from the mean of a map",
  ],
  "the maximum is taken": [
    gated((on, x) => excite(on, on("m").reduce_max(x, { axes: [2, 3], keep: true }))),
    "the gate comes from reduce_max, and not from the mean of a map",
  ],
  "another map is squeezed": [
    gated((on, x) => squeezeExcite(on, on("abs").abs(x))),
    "the gate comes from the mean of another map",
  ],
  "the map was normalised by groups": [
    gated(squeezeExcite, [N, 4, 3, 2], false, (on, x) => on("norm").group_norm(x, undefined, undefined, { groups: 2 })),
    "the map comes from group_norm, and not from a convolution",
  ],
  "the map is one pixel": [gated(squeezeExcite, [N, 4, 1, 1]), "the map has fewer than two pixels"],
  "the map has no pixels": [
    gated(squeezeExcite, [N, 4, 3, 0], false, (_, x) => x),
    "the map has fewer than two pixels",
  ],
  "sizes are symbols": [gated(squeezeExcite, [N, 4, symbol("H"), symbol("W")]), "the map's extents are symbols"],
  "the factors are rows": [
    graphOf((on) => {
      const x = on("x").input({ shape: [N, 4] });
      return { y: on("y").mul(x, x) };
    }),
    "it multiplies no map [N, C, H, W]",
  ],
};

describe("spread-gate", () => {
  it.each(Object.entries(fires))("fires %s", (_, graph) => {
    expect(applied(graph, passOf(spreadGate))).toEqual({ "spread-gate": 1 });
    expect(body(graph)).toContain("resize");
    expect(applied(graph, passOf(spreadGate))).toEqual({ "spread-gate": 0 });
  });

  it.each(Object.entries(nearMisses))("stays away where %s", (_, [graph, why]) => {
    expect(reason(spreadGate, graph)).toBe(why);
  });
});
