import { describe, expect, it } from "vitest";
import type { Builder } from "../../../src/ir/builder.ts";
import { type Dim, scaleDim, symbol } from "../../../src/ir/dim.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import { type TakesBias, packHeads } from "../../../src/passes/rules/pack-heads.ts";
import { applied, body, graphOf, reason } from "./harness.ts";

interface Parts {
  readonly bias?: readonly Dim[] | undefined;
  readonly perm?: readonly number[];
  /** What follows the attention; without, its heads are put side by side again. */
  readonly tail?: (b: Builder, attention: Value) => Readonly<Record<string, Value>>;
}

const N = symbol("N");
const [heads, tokens, width] = [2, 5, 3];
const wide = [N, tokens, heads * width];

const merged = (b: Builder, x: Value): Value => b.reshape(b.transpose(x, { perm: [0, 2, 1, 3] }), { shape: wide });

/** A target whose attention takes biases of all columns. */
const takes: TakesBias = ({ type }, rows, columns) => {
  expect([rows, columns]).toEqual([tokens, tokens]);
  return type.shape.at(-1) === columns || "no such bias";
};
const rule = packHeads(takes);

function graph({ bias, perm = [0, 2, 1, 3], tail = (b, x) => ({ y: merged(b, x) }) }: Parts): Graph {
  return graphOf((on) => {
    const apart = (name: string): Value => {
      const x = on(name).input({ shape: wide });
      const shape = perm[1] === 2 ? [N, tokens, heads, width] : [N, heads, tokens, width];
      return on(name).transpose(on(name).reshape(x, { shape }), { perm });
    };
    const mask = bias === undefined ? undefined : on("mask").input({ shape: bias });
    const [q, k, v] = ["q", "k", "v"].map(apart) as [Value, Value, Value];
    return tail(on("out"), on("attn").attention(q, k, v, mask, { scale: 0.5 }));
  });
}

describe("pack-heads", () => {
  it.each([
    ["without a bias", undefined],
    ["with a bias", [heads, tokens, tokens]],
    ["with a bias that is spread", [N, 1, 1, tokens]],
  ])("fires on heads side by side, %s", (_, bias) => {
    const g = graph({ bias });
    expect(applied(g, passOf(rule))).toEqual({ "pack-heads": 1 });
    expect(body(g).filter((op) => op !== "input")).toEqual(["packed_attention"]);
    expect([...g.values()].find((v) => v.op === "packed_attention")?.origin.path).toBe("attn");
    expect(applied(g, passOf(rule))).toEqual({ "pack-heads": 0 });
  });

  it.each([
    [
      "the attention map is read too",
      graph({ tail: (b, x) => ({ y: merged(b, x), x }) }),
      "attention has 2 uses, and each needs its own result",
    ],
    [
      "the heads are merged in another order",
      graph({ tail: (b, x) => ({ y: b.reshape(b.transpose(x, { perm: [0, 2, 3, 1] }), { shape: wide }) }) }),
      "the heads are moved otherwise",
    ],
    [
      "the result takes another shape",
      graph({
        tail: (b, x) => ({ y: b.reshape(b.transpose(x, { perm: [0, 2, 1, 3] }), { shape: [N, 1, tokens, 6] }) }),
      }),
      "the heads are no slices of the channels",
    ],
    [
      "the number of heads is a symbol",
      graphOf((on) => {
        const joined = on("x").input({ shape: [1, tokens, scaleDim(N, width)] });
        const apart = (b: Builder): Value =>
          b.transpose(b.reshape(joined, { shape: [1, tokens, N, width] }), { perm: [0, 2, 1, 3] });
        const mixed = on("attn").attention(apart(on("q")), apart(on("k")), apart(on("v")), undefined, { scale: 0.5 });
        return { y: on("y").reshape(on("y").transpose(mixed, { perm: [0, 2, 1, 3] }), { shape: joined.type.shape }) };
      }),
      "the number of heads or channels is not static",
    ],
    ["the target lacks the bias", graph({ bias: [tokens, 1] }), "no such bias"],
    ["the heads stand before the tokens", graph({ perm: [0, 1, 2, 3] }), "the heads are moved otherwise"],
  ])("stays away where %s", (_, g, why) => expect(reason(rule, g)).toBe(why));
});
