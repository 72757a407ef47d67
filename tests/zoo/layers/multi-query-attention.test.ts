import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NdArray, at } from "../../../src/ir/ndarray.ts";
import { globalContext } from "../../../src/zoo/layers/global-context.ts";
import { multiQueryAttention2d } from "../../../src/zoo/layers/multi-query-attention.ts";
import { closeTo, filled, noise, runModule } from "../run-module.ts";

const small = (shape: readonly number[], seed: number): NdArray => filled(shape, (i) => 0.4 * Math.sin(7.3 * i + seed));
const softmax = (scores: readonly number[]): number[] => {
  const top = Math.max(...scores);
  const e = scores.map((s) => Math.exp(s - top));
  const total = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / total);
};
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const sum = (n: number, f: (i: number) => number): number => range(n).reduce((total, i) => total + f(i), 0);

describe("multi-query attention", () => {
  it("gives every head its queries and all heads one key and value", () => {
    const sizes = fc.record({ heads: fc.integer({ min: 1, max: 3 }), d: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(sizes, ({ heads, d }) => {
        const [C, H, W, out] = [3, 2, 3, 4];
        const L = H * W;
        const x = noise([1, C, H, W]);
        const params = {
          "query.proj.weight": small([heads * d, C, 1, 1], 1),
          "key.proj.weight": small([d, C, 1, 1], 2),
          "value.proj.weight": small([d, C, 1, 1], 3),
          "output.proj.weight": small([out, heads * d, 1, 1], 4),
        };
        const module = multiQueryAttention2d({
          out,
          heads,
          keyDim: d,
          valueDim: d,
          kvStride: 1,
          kernel: 3,
          dilation: 1,
          padding: undefined,
          norm: (_, y) => y,
        });
        const project = (weight: NdArray, o: number, l: number): number =>
          sum(C, (c) => at(weight, o * C + c) * at(x, c * L + l));
        const head = (h: number, l: number, c: number): number => {
          const scores = range(L).map(
            (m) =>
              sum(
                d,
                (k) => project(params["query.proj.weight"], h * d + k, l) * project(params["key.proj.weight"], k, m),
              ) / Math.sqrt(d),
          );
          const weights = softmax(scores);
          return sum(L, (m) => (weights[m] ?? 0) * project(params["value.proj.weight"], c, m));
        };
        const wanted = range(out).flatMap((o) =>
          range(L).map((l) =>
            sum(
              heads * d,
              (i) => at(params["output.proj.weight"], o * heads * d + i) * head(Math.floor(i / d), l, i % d),
            ),
          ),
        );
        return closeTo(runModule(module, x, params), wanted, 1e-10);
      }),
      { numRuns: 20 },
    );
  });
});

describe("global context", () => {
  it("scales or shifts channels by a bottleneck of the map's weighted mean", () => {
    const [C, L] = [16, 4];
    const x = noise([1, C, 2, 2]);
    const layer = (name: string) => ({
      [`${name}.fc1.weight`]: small([2, C, 1, 1], 2),
      [`${name}.fc1.bias`]: small([2], 3),
      [`${name}.norm.weight`]: filled([2], () => 1),
      [`${name}.norm.bias`]: small([2], 4),
      [`${name}.fc2.weight`]: small([C, 2, 1, 1], 5),
      [`${name}.fc2.bias`]: small([C], 6),
    });
    const params = { "conv_attn.weight": small([1, C, 1, 1], 1), "conv_attn.bias": small([1], 9) };
    const weights = softmax(range(L).map((l) => sum(C, (c) => at(params["conv_attn.weight"], c) * at(x, c * L + l))));
    const context = range(C).map((c) => sum(L, (l) => (weights[l] ?? 0) * at(x, c * L + l)));
    const p = layer("m") as Readonly<Record<string, NdArray>>;
    const w = (name: string, i: number): number => at(p[`m.${name}`] ?? x, i);
    const hidden = range(2).map(
      (o) => sum(C, (c) => w("fc1.weight", o * C + c) * (context[c] ?? 0)) + w("fc1.bias", o),
    );
    const mean = sum(2, (o) => hidden[o] ?? 0) / 2;
    const deviation = Math.sqrt(sum(2, (o) => ((hidden[o] ?? 0) - mean) ** 2) / 2 + 1e-6);
    const active = hidden.map((v, o) => Math.max((v - mean) / deviation + w("norm.bias", o), 0));
    const back = range(C).map((c) => sum(2, (o) => w("fc2.weight", c * 2 + o) * (active[o] ?? 0)) + w("fc2.bias", c));
    const by = (f: (v: number, c: number) => number): number[] =>
      range(C * L).map((i) => f(at(x, i), Math.floor(i / L)));

    const scaled = by((v, c) => v / (1 + Math.exp(-(back[c] ?? 0))));
    expect(closeTo(runModule(globalContext(), x, { ...params, ...layer("mlp_scale") }), scaled, 1e-10)).toBe(true);
    const shifted = by((v, c) => v + (back[c] ?? 0));
    expect(
      closeTo(runModule(globalContext({ add: true }), x, { ...params, ...layer("mlp_add") }), shifted, 1e-10),
    ).toBe(true);
  });
});
