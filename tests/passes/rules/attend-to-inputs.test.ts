import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import { symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { graphMacs } from "../../../src/ir/macs.ts";
import type { Value } from "../../../src/ir/value.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import { attendToInputs } from "../../../src/passes/rules/attend-to-inputs.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

const [tokens, width, heads, depth] = [9, 12, 3, 4];

interface Parts {
  readonly queries?: number;
  readonly biased?: boolean;
  readonly packed?: boolean;
  readonly masked?: boolean;
  /** Other tokens for the values. */
  readonly other?: boolean;
  /** What happens to the keys before the heads are split. */
  readonly keys?: (b: Builder, keys: Value) => Value;
  readonly perm?: readonly number[];
  /** The projection is an output too. */
  readonly tapped?: boolean;
}

function attention(parts: Parts): Graph {
  const { queries = 1, biased = true, packed = true, masked = false, other = false, keys = (_, k) => k } = parts;
  return graphOf((on) => {
    const b = on("attn");
    const x = on("x").input({ shape: [symbol("N"), tokens, width] });
    const y = other ? on("y").input({ shape: [symbol("N"), tokens, width] }) : x;
    const q = on("q").input({ shape: [symbol("N"), heads, queries, depth] });
    const parameter = (key: string, shape: readonly number[]): Value => on(key).param({ key, shape });
    const linear = (from: Value, name: string, rows: number): Value =>
      b.linear(
        from,
        parameter(`${name}.weight`, [rows, width]),
        biased ? parameter(`${name}.bias`, [rows]) : undefined,
      );
    const kv = packed ? linear(x, "kv", 2 * width) : undefined;
    const part = (i: number, from: Value): Value =>
      kv === undefined
        ? linear(from, i === 0 ? "k" : "v", width)
        : b.slice(kv, { axis: 2, range: [i * width, (i + 1) * width] });
    const split = (v: Value): Value => {
      const shape =
        parts.perm === undefined ? [symbol("N"), tokens, heads, depth] : [symbol("N"), heads, tokens, depth];
      return b.transpose(b.reshape(v, { shape }), { perm: parts.perm ?? [0, 2, 1, 3] });
    };
    const mask = masked ? parameter("mask", [heads, queries, tokens]) : undefined;
    const result = b.attention(q, split(keys(b, part(0, x))), split(part(1, y)), mask, { scale: 0.5 });
    return parts.tapped && kv !== undefined ? { y: result, kv } : { y: result };
  });
}

const fires: Readonly<Record<string, Parts>> = {
  "with a packed projection": {},
  "with two projections": { packed: false },
  "without biases": { biased: false },
  "with a mask per head": { masked: true },
  "for two queries": { queries: 2 },
};

const nearMisses: Readonly<Record<string, readonly [Parts, string]>> = {
  "many queries": [{ queries: 9 }, "9 queries are too many: 8424 products instead of 4536"],
  "values of other tokens": [{ packed: false, other: true }, "keys and values are projections of different tokens"],
  "a projection that is tapped": [{ tapped: true }, "something else reads the projections"],
  "normalised keys": [
    { keys: (b, k) => b.rms_norm(k, undefined, { eps: 1e-6 }) },
    "keys or values come from rms_norm, not from a projection",
  ],
  "tokens that are split as heads": [
    { perm: [0, 1, 2, 3] },
    "keys or values are not [N, heads, T, D] of [N, T, heads D]",
  ],
};

describe("attend-to-inputs", () => {
  it.each(Object.entries(fires))("fires %s", (_, parts) => {
    const graph = attention(parts);
    const before = graphMacs(graph);
    expect(applied(graph, passOf(attendToInputs))).toEqual({ "attend-to-inputs": 1 });
    expect(body(graph)).not.toContain("linear");
    expect(graphMacs(graph)).toBeLessThan(before);
  });

  it.each(Object.entries(nearMisses))("stays away from %s", (_, [parts, why]) => {
    const graph = attention(parts);
    expect(reason(attendToInputs, graph)).toBe(why);
    expect(applied(graph, passOf(attendToInputs))).toEqual({ "attend-to-inputs": 0 });
  });
});
