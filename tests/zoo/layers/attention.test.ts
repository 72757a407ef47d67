import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NdArray, at } from "../../../src/ir/ndarray.ts";
import { attentionPoolLatent, attentionPoolPrr } from "../../../src/zoo/layers/attention-pool.ts";
import { attention } from "../../../src/zoo/layers/attention.ts";
import { diffAttention } from "../../../src/zoo/layers/diff-attention.ts";
import { closeTo, filled, noise, runModule } from "../run-module.ts";

type Matrix = readonly (readonly number[])[];

const rows = (x: NdArray): Matrix => {
  const [columns = 1] = x.shape.slice(-1);
  return Array.from({ length: x.data.length / columns }, (_, i) =>
    Array.from({ length: columns }, (_, j) => at(x, i * columns + j)),
  );
};
const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, v, i) => sum + v * (b[i] ?? 0), 0);
const cut = (x: Matrix, from: number, to: number): Matrix => x.map((row) => row.slice(from, to));

/** x W^T + b, as the formula says it. */
const affine = (x: Matrix, weight: NdArray, bias?: NdArray): Matrix =>
  x.map((row) => rows(weight).map((w, o) => dot(row, w) + (bias ? at(bias, o) : 0)));

/** The rows of softmax(q k^T / sqrt(d)). */
const attentionMap = (q: Matrix, k: Matrix): Matrix =>
  q.map((query) => {
    const scores = k.map((key) => Math.exp(dot(query, key) / Math.sqrt(query.length)));
    const total = scores.reduce((a, b) => a + b, 0);
    return scores.map((score) => score / total);
  });

const apply = (map: Matrix, v: Matrix): Matrix =>
  map.map((weights) => (v[0] ?? []).map((_, c) => weights.reduce((sum, w, j) => sum + w * (v[j]?.[c] ?? 0), 0)));

/** Heads side by side again. */
const join = (heads: readonly Matrix[]): Matrix => (heads[0] ?? []).map((_, i) => heads.flatMap((h) => h[i] ?? []));

const small = (shape: readonly number[], seed: number): NdArray => filled(shape, (i) => Math.sin(7.3 * i + seed));
const sizes = fc.record({
  tokens: fc.integer({ min: 1, max: 5 }),
  heads: fc.integer({ min: 1, max: 3 }),
  half: fc.integer({ min: 1, max: 3 }),
});

describe("attention", () => {
  it("is softmax(q k^T / sqrt(d)) v per head between two linear layers", () => {
    fc.assert(
      fc.property(sizes, ({ tokens, heads, half }) => {
        const d = 2 * half;
        const c = heads * d;
        const x = noise([1, tokens, c]);
        const params = {
          "qkv.weight": small([3 * c, c], 1),
          "qkv.bias": small([3 * c], 2),
          "proj.weight": small([c, c], 3),
        };
        const got = runModule(attention({ heads, qkvBias: true, projBias: false }), x, params);
        const packed = affine(rows(x), params["qkv.weight"], params["qkv.bias"]);
        const head = (h: number): Matrix => {
          const part = (i: number): Matrix => cut(packed, i * c + h * d, i * c + (h + 1) * d);
          return apply(attentionMap(part(0), part(1)), part(2));
        };
        const want = affine(join(Array.from({ length: heads }, (_, h) => head(h))), params["proj.weight"]);
        expect(closeTo(got, want.flat(), 1e-9)).toBe(true);
      }),
    );
  });

  it("attends in every sample alone", () => {
    const params = { "qkv.weight": small([12, 4], 1), "proj.weight": small([4, 4], 2) };
    const module = attention({ heads: 2, projBias: false });
    const both = runModule(module, noise([2, 3, 4]), params);
    const second = runModule(
      module,
      filled([1, 3, 4], (i) => at(noise([2, 3, 4]), 12 + i)),
      params,
    );
    expect(closeTo(second, [...both.data].slice(12))).toBe(true);
  });
});

describe("differential attention", () => {
  it("subtracts the map of the second half of every head lambda times (eq. 1 to 3)", () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 9 }), ({ tokens, heads, half }, depth) => {
        const c = 2 * half * heads;
        const x = noise([1, tokens, c]);
        const vector = (seed: number): NdArray => small([half], seed);
        const params = {
          "qkv.weight": small([3 * c, c], 1),
          "proj.weight": small([c, c], 3),
          "sub_norm.weight": small([2 * half], 4),
          lambda_q1: vector(5),
          lambda_k1: vector(6),
          lambda_q2: vector(7),
          lambda_k2: vector(8),
        };
        const got = runModule(diffAttention({ heads, projBias: false, depth }), x, params);
        const initial = 0.8 - 0.6 * Math.exp(-0.3 * depth);
        const product = (q: NdArray, k: NdArray): number =>
          Math.exp(dot([...q.data].map(Number), [...k.data].map(Number)));
        const lambda =
          product(params.lambda_q1, params.lambda_k1) - product(params.lambda_q2, params.lambda_k2) + initial;
        const packed = affine(rows(x), params["qkv.weight"]);
        const head = (h: number): Matrix => {
          const part = (i: number, from: number, to: number): Matrix =>
            cut(packed, i * c + from * half, i * c + to * half);
          const map = (j: number): Matrix => attentionMap(part(0, j, j + 1), part(1, j, j + 1));
          const [first, second] = [map(2 * h), map(2 * h + 1)];
          const difference = first.map((row, i) => row.map((v, j) => v - lambda * (second[i]?.[j] ?? 0)));
          return apply(difference, part(2, 2 * h, 2 * h + 2)).map((row) => {
            const root = Math.sqrt(dot(row, row) / row.length + 1e-5);
            return row.map((v, i) => (v / root) * at(params["sub_norm.weight"], i) * (1 - initial));
          });
        };
        const want = affine(join(Array.from({ length: heads }, (_, h) => head(h))), params["proj.weight"]);
        expect(closeTo(got, want.flat(), 1e-8)).toBe(true);
      }),
    );
  });
});

describe("attention pooling", () => {
  it("asks with the latent and adds an MLP", () => {
    const [tokens, c, hidden] = [3, 4, 5];
    const x = noise([1, tokens, c]);
    const params = {
      latent: small([1, 1, c], 1),
      "q.weight": small([c, c], 2),
      "kv.weight": small([2 * c, c], 3),
      "proj.weight": small([c, c], 4),
      "mlp.fc1.weight": small([hidden, c], 5),
      "mlp.fc2.weight": small([c, hidden], 6),
    };
    const got = runModule(attentionPoolLatent({ heads: 2, hidden, act: "relu" }), x, params);
    const query = affine(rows(params.latent), params["q.weight"]);
    const packed = affine(rows(x), params["kv.weight"]);
    const head = (h: number): Matrix =>
      apply(
        attentionMap(cut(query, 2 * h, 2 * h + 2), cut(packed, 2 * h, 2 * h + 2)),
        cut(packed, c + 2 * h, c + 2 * h + 2),
      );
    const y = affine(join([head(0), head(1)]), params["proj.weight"]);
    const inner = affine(y, params["mlp.fc1.weight"]).map((row) => row.map((v) => Math.max(v, 0)));
    const [mlp = []] = affine(inner, params["mlp.fc2.weight"]);
    expect(got.shape).toEqual([1, c]);
    expect(
      closeTo(
        got,
        (y[0] ?? []).map((v, i) => v + (mlp[i] ?? 0)),
        1e-9,
      ),
    ).toBe(true);
  });

  it("refines tokens by themselves without weights, then takes the first or the mean", () => {
    const x = noise([1, 3, 4]);
    const all = join(
      [0, 2].map((from) =>
        apply(attentionMap(cut(rows(x), from, from + 2), cut(rows(x), from, from + 2)), cut(rows(x), from, from + 2)),
      ),
    );
    expect(closeTo(runModule(attentionPoolPrr({ heads: 2, pool: "token" }), x), [...(all[0] ?? [])], 1e-9)).toBe(true);
    const mean = (all[0] ?? []).map((_, c) => all.reduce((sum, row) => sum + (row[c] ?? 0), 0) / 3);
    expect(closeTo(runModule(attentionPoolPrr({ heads: 2, pool: "avg" }), x), mean, 1e-9)).toBe(true);
  });
});
