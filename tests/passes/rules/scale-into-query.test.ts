import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import { symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";
import { scaleQueries as pass } from "../../../src/passes/presets.ts";
import { scaleIntoPackedQuery } from "../../../src/passes/rules/scale-into-packed-query.ts";
import { scaleIntoQuery } from "../../../src/passes/rules/scale-into-query.ts";
import { deadCode } from "../../../src/passes/whole-graph/dead-code.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

const N = symbol("N");

/** Two heads of width 4: [N, 3, 8] to [N, 2, 3, 4]. */
const heads = (b: Builder, x: Value): Value =>
  b.transpose(b.reshape(x, { shape: [N, 3, 2, 4] }), { perm: [0, 2, 1, 3] });

interface Parts {
  readonly bias?: boolean;
  readonly running?: boolean;
  readonly scale?: number;
  /** Where queries, keys and values begin among the outputs of the projection. */
  readonly starts?: readonly [number, number, number];
  readonly step?: number;
  readonly between?: (b: Builder, q: Value) => Value;
  readonly outputs?: (packed: Value, q: Value) => Readonly<Record<string, Value>>;
  readonly scores?: boolean;
}

const packedGraph = (parts: Parts): Graph =>
  graphOf((on) => {
    const { starts = [0, 8, 16], scale = 0.3, step = 1 } = parts;
    const b = on("attn");
    const shape = [24 * step, 5];
    const kernel = parts.running ? on("kernel").input({ shape }) : b.param({ key: "kernel", shape });
    const offset = parts.bias ? b.param({ key: "offset", shape: [24 * step] }) : undefined;
    const packed = on("qkv").linear(on("x").input({ shape: [N, 3, 5] }), kernel, offset);
    const [q = packed, k = packed, v = packed] = starts.map((start) =>
      heads(b, b.slice(packed, { axis: 2, range: [start, start + 8 * step], step })),
    );
    const scores = parts.scores ? b.param({ key: "scores", shape: [2, 3, 3] }) : undefined;
    const y = b.attention(parts.between?.(b, q) ?? q, k, v, scores, { scale });
    return { y, ...parts.outputs?.(packed, q) };
  });

const loneGraph = (between: (b: Builder, q: Value) => Value, bias: boolean): Graph =>
  graphOf((on) => {
    const b = on("attn");
    const x = on("x").input({ shape: [N, 3, 5] });
    const kv = on("kv").input({ shape: [N, 2, 3, 4] });
    const offset = bias ? b.param({ key: "offset", shape: [8] }) : undefined;
    const q = heads(b, between(b, b.linear(x, b.param({ key: "kernel", shape: [8, 5] }), offset)));
    return { y: b.attention(q, kv, kv, undefined, { scale: 0.5 }) };
  });

const fires: Readonly<Record<string, Parts>> = {
  "without a bias": {},
  "with a bias": { bias: true },
  "with a bias of the scores": { bias: true, scores: true },
  "with the queries in the middle": { starts: [8, 0, 16], bias: true },
  "with the queries last": { starts: [16, 0, 8] },
  "with keys that are the values": { starts: [0, 8, 8] },
};

const overlap = "keys or values read outputs of the queries";
const noRange = "the queries are no range of the projection's outputs";
const nearMisses: Readonly<Record<string, [Parts, string]>> = {
  "a scale of 1": [{ scale: 1 }, "the scale is 1 already"],
  "keys that are the queries": [{ starts: [0, 0, 16] }, overlap],
  "values that overlap the queries": [{ starts: [8, 16, 4] }, overlap],
  "every third output": [{ starts: [0, 1, 2], step: 3 }, noRange],
  "a kernel that is no weight": [{ running: true }, "kernel is no weight: it is known only when the model runs"],
  "a tap on the projection": [{ outputs: (qkv) => ({ qkv }) }, "linear has 4 uses instead of 3"],
  "a tap on the queries": [{ outputs: (_, q) => ({ q }) }, "transpose has 2 uses, and each needs its own result"],
  "a norm of the queries": [
    { between: (b, q) => b.rms_norm(q, undefined, { eps: 1e-6 }) },
    "rms_norm where reshape or transpose is wanted",
  ],
};

describe("scale-into-query", () => {
  it.each(Object.entries(fires))("fires %s", (_, parts) => {
    const g = packedGraph(parts);
    const before = body(g);
    expect(applied(g, pass)).toEqual({ "scale-into-query": 0, "scale-into-packed-query": 1 });
    expect(body(g).toSorted()).toEqual(before.toSorted());
    expect(deadCode.run(g)).toEqual({ "dead-code": 0 });
    expect([...g.values()].flatMap((v) => (v.op === "attention" ? [v.attrs] : []))).toEqual([{ scale: 1 }]);
    expect(applied(g, pass)).toEqual({ "scale-into-query": 0, "scale-into-packed-query": 0 });
  });

  it.each([true, false])("fires on a projection of queries alone (bias: %s)", (bias) => {
    const g = loneGraph((_, q) => q, bias);
    expect(applied(g, pass)).toEqual({ "scale-into-query": 1, "scale-into-packed-query": 0 });
  });

  it.each(Object.entries(nearMisses))("stays away from %s", (_, [parts, why]) =>
    expect(reason(scaleIntoPackedQuery, packedGraph(parts))).toBe(why),
  );

  it("stays away where queries are activated", () => {
    const g = loneGraph((b, q) => b.activation(q, { kind: "relu" }), true);
    expect(reason(scaleIntoQuery, g)).toBe("activation where linear is wanted");
  });
});
