import { describe, expect, it } from "vitest";
import { type NdArray, at } from "../../../src/ir/ndarray.ts";
import { type NormAct, normAct, normActLayer, normActNames } from "../../../src/zoo/layers/norm-act.ts";
import { closeTo, filled, noise, runModule } from "../run-module.ts";

const [N, C, H, W] = [2, 4, 3, 2];
const plane = H * W;
const x = noise([N, C, H, W]);
const perChannel = (seed: number): NdArray => filled([C], (i) => 0.7 + 0.4 * Math.sin(seed + 3 * i));
const params = {
  weight: perChannel(1),
  bias: perChannel(2),
  v: perChannel(3),
  tau: perChannel(4),
  running_mean: perChannel(5),
  running_var: perChannel(6),
};

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
const variance = (values: readonly number[]): number => mean(values.map((v) => (v - mean(values)) ** 2));
const square = (values: readonly number[]): number => mean(values.map((v) => v * v));
const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
const silu = (v: number): number => v * sigmoid(v);

/** The elements that one statistic of element (n, c, p) is over. */
const groupOf =
  (size: number) =>
  (n: number, c: number): number[] => {
    const first = Math.floor(c / size) * size;
    return Array.from({ length: size * plane }, (_, i) => at(x, (n * C + first) * plane + i));
  };
const instance = groupOf(1);
const pair = groupOf(2);
const positions = (n: number, p: number): number[] =>
  Array.from({ length: C }, (_, c) => at(x, (n * C + c) * plane + p));

type Formula = (value: number, n: number, c: number, p: number) => number;

/** weight f(x) + bias, element by element. */
const affine = (f: Formula): number[] =>
  Array.from({ length: N * C * plane }, (_, i) => {
    const [n, c, p] = [Math.floor(i / (C * plane)), Math.floor(i / plane) % C, i % plane];
    return f(at(x, i), n, c, p) * at(params.weight, c) + at(params.bias, c);
  });

const deviation = (n: number, c: number, eps: number): number => Math.sqrt(variance(pair(n, c)) + eps);
const running = (c: number, eps: number): number => Math.sqrt(at(params.running_var, c) + eps);
const groupSize = { group_size: 2 };

/** What each layer computes with an activation, before the affine part; Liu et al. 2020, table 1, and timm's eps. */
const formulas: Readonly<Record<string, readonly [norm: NormAct, active: Formula, passive: Formula]>> = {
  S0: [
    { kind: "evonorms0", ...groupSize },
    (v, n, c) => (v * sigmoid(v * at(params.v, c))) / deviation(n, c, 1e-5),
    (v) => v,
  ],
  S0a: [
    { kind: "evonorms0a", ...groupSize },
    (v, n, c) => (v * sigmoid(v * at(params.v, c))) / deviation(n, c, 1e-3),
    (v, n, c) => v / deviation(n, c, 1e-3),
  ],
  S1: [{ kind: "evonorms1", ...groupSize }, (v, n, c) => silu(v) / deviation(n, c, 1e-5), (v) => v],
  S2a: [
    { kind: "evonorms2a", ...groupSize },
    (v, n, c) => silu(v) / Math.sqrt(square(pair(n, c)) + 1e-3),
    (v, n, c) => v / Math.sqrt(square(pair(n, c)) + 1e-3),
  ],
  B0: [
    { kind: "evonormb0" },
    (v, n, c) => v / Math.max(running(c, 1e-3), v * at(params.v, c) + Math.sqrt(variance(instance(n, c)) + 1e-3)),
    (v) => v,
  ],
  B1: [
    { kind: "evonormb1" },
    (v, n, c) => v / Math.max(running(c, 1e-5), (v + 1) * Math.sqrt(square(instance(n, c)) + 1e-5)),
    (v) => v,
  ],
  B2: [
    { kind: "evonormb2" },
    (v, n, c) => v / Math.max(running(c, 1e-5), Math.sqrt(square(instance(n, c)) + 1e-5) - v),
    (v) => v,
  ],
};

describe("evolved norms", () => {
  it.each(Object.entries(formulas))("%s", (_, [norm, active, passive]) => {
    expect(closeTo(runModule(normAct(norm, "relu"), x, params), affine(active), 1e-10)).toBe(true);
    expect(closeTo(runModule(normAct(norm, undefined), x, params), affine(passive), 1e-10)).toBe(true);
  });
});

describe("norms followed by an activation", () => {
  const relu = (values: readonly number[]): number[] => values.map((v) => Math.max(v, 0));
  const plain: Readonly<Record<string, readonly [NormAct, readonly number[]]>> = {
    "batch norm": [
      { kind: "batchnorm2d", eps: 0.1 },
      affine((v, _, c) => (v - at(params.running_mean, c)) / running(c, 0.1)),
    ],
    "group norm": [
      { kind: "groupnorm", ...groupSize },
      affine((v, n, c) => (v - mean(pair(n, c))) / deviation(n, c, 1e-5)),
    ],
    "layer norm over channels": [
      { kind: "layernorm2d" },
      affine((v, n, _, p) => (v - mean(positions(n, p))) / Math.sqrt(variance(positions(n, p)) + 1e-5)),
    ],
    "filter response norm": [{ kind: "frn" }, affine((v, n, c) => v / Math.sqrt(square(instance(n, c)) + 1e-5))],
  };

  it.each(Object.entries(plain))("%s", (_, [norm, wanted]) => {
    expect(closeTo(runModule(normAct(norm, undefined), x, params), wanted, 1e-10)).toBe(true);
    expect(closeTo(runModule(normAct(norm, "relu"), x, params), relu(wanted), 1e-10)).toBe(true);
  });

  it("filter response norm with a learned threshold", () => {
    const frn = plain["filter response norm"]?.[1] ?? [];
    const wanted = frn.map((v, i) => Math.max(v, at(params.tau, Math.floor(i / plane) % C)));
    expect(closeTo(runModule(normAct({ kind: "frntlu" }, "silu"), x, params), wanted, 1e-10)).toBe(true);
  });

  it("groups must divide the channels", () => {
    expect(() => runModule(normAct({ kind: "groupnorm" }, "relu"), x)).toThrow("do not divide");
    expect(() => runModule(normAct({ kind: "evonorms0", group_size: 3 }, "relu"), x)).toThrow("groups of 3");
  });
});

describe("the argument norm_layer", () => {
  it("reads every name, whatever its case and underscores, and nothing else", () => {
    for (const kind of normActNames)
      expect(normActLayer.read(kind.toUpperCase().replace("NORM", "_Norm_"))).toEqual({ kind });
    expect(normActLayer.read("layernorm")).toBeUndefined();
    expect(normActLayer.read(3)).toBeUndefined();
  });
});
