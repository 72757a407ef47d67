import { describe, expect, it } from "vitest";
import { activation, activationKinds, erf } from "../../../src/ir/ops/activation.ts";
import { at, ndarray } from "../../../src/ir/ndarray.ts";

/** erf to 16 digits (Abramowitz and Stegun, table 7.1, and DLMF 7.6, 7.9 evaluated in higher precision). */
const known = [
  [0, 0],
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [1.5, 0.9661051464753108],
  [2, 0.9953222650189527],
  [2.5, 0.999593047982555],
  [3, 0.9999779095030014],
  [4, 0.9999999845827421],
] as const;

const value = (kind: (typeof activationKinds)[number], x: number, alpha = 1): number => {
  const operand = ndarray("f64", [1], Float64Array.of(x));
  return at(activation.evaluate?.({ x: operand }, { kind, alpha }, { dtype: "f64", shape: [1] }) ?? operand, 0);
};

describe("activations in float64", () => {
  it.each(known)("erf(%d) = %d", (x, y) => {
    expect(Math.abs(erf(x) - y)).toBeLessThan(1e-15);
    expect(erf(-x)).toBe(-erf(x));
  });

  it("erf does not jump where its formulas meet", () => {
    for (const x of [2.5, 6]) expect(Math.abs(erf(x + 1e-12) - erf(x - 1e-12))).toBeLessThan(1e-14);
  });

  it.each(activationKinds)("%s is finite far from zero and tells NaN", (kind) => {
    for (const x of [-1e4, -100, 0, 100, 1e4]) expect(Number.isFinite(value(kind, x))).toBe(true);
    expect(value(kind, Number.NaN)).toBeNaN();
  });
});
