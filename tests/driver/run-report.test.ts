import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rowsOf, summarize, topClasses } from "../../src/driver/run-report.ts";
import { fileNames } from "../../src/driver/run-save.ts";
import type { NpyArray } from "../../src/runtime/npy.ts";

const f32 = (shape: readonly number[], values: readonly number[]): NpyArray => ({
  dtype: "f32",
  shape,
  data: Float32Array.from(values),
});

describe("topClasses", () => {
  test("are the softmax, largest first, equal ones by index", () => {
    const [a, b, c] = topClasses([0, Math.log(2), 0], 3, ["x", null, "z"]);
    expect([a?.index, b?.index, c?.index]).toEqual([1, 0, 2]);
    expect([a?.label, b?.label]).toEqual([null, "x"]);
    expect([a?.probability, b?.probability, c?.probability].map((p) => p?.toFixed(12))).toEqual([
      "0.500000000000",
      "0.250000000000",
      "0.250000000000",
    ]);
  });

  test("probabilities of all classes sum to 1, however large the logits", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e30, max: 1e30, noNaN: true }), { minLength: 1 }), (logits) => {
        const scores = topClasses(logits, logits.length, null);
        expect(scores.reduce((sum, s) => sum + s.probability, 0)).toBeCloseTo(1, 9);
        expect(scores.map((s) => s.logit)).toEqual(logits.toSorted((a, b) => b - a));
      }),
    );
  });

  test.each([NaN, Infinity, -Infinity])("%s among the logits is an error", (bad) => {
    expect(() => topClasses([1, bad], 1, null)).toThrow(/not finite/);
  });
});

describe("summarize", () => {
  test("of numbers, of codes and of what is not finite", () => {
    const plain = summarize("a", f32([2, 2], [1, 2, 3, 6]));
    expect(plain).toMatchObject({ mean: 3, std: Math.sqrt(3.5), min: 1, max: 6, not_finite: 0 });
    const half = summarize("h", { dtype: "f16", shape: [2], data: Uint16Array.of(0x3c00, 0xc000) });
    expect(half).toMatchObject({ mean: -0.5, min: -2, max: 1 });
    const whole = summarize("i", { dtype: "i64", shape: [2], data: BigInt64Array.of(4n, -4n) });
    expect(whole).toMatchObject({ mean: 0, std: 4 });
    expect(summarize("n", f32([3], [1, NaN, Infinity]))).toMatchObject({ mean: null, max: null, not_finite: 2 });
    expect(summarize("e", f32([0], []))).toMatchObject({ mean: null, std: null, min: null });
  });
});

test("rowsOf cuts an output into equal parts, in order", () => {
  const array = f32(
    [4, 3],
    Array.from({ length: 12 }, (_, i) => i),
  );
  expect(rowsOf(array, 1, 2)).toEqual(f32([2, 3], [6, 7, 8, 9, 10, 11]));
  expect(rowsOf(array, 3, 4)).toEqual(f32([1, 3], [9, 10, 11]));
});

describe("file names of outputs", () => {
  const parts = fc.constantFrom(
    "module:",
    "layer1",
    ".",
    "a",
    "A",
    "_",
    "~2",
    "/",
    "\\",
    "..",
    "con",
    "NUL",
    " ",
    "é",
    "💡",
  );
  const outputNames = fc.uniqueArray(
    fc.oneof(
      fc.array(parts, { minLength: 1, maxLength: 6 }).map((p) => p.join("")),
      fc.string({ minLength: 1, maxLength: 400 }),
    ),
    { maxLength: 12 },
  );

  test("are legal everywhere and differ by more than case", () => {
    fc.assert(
      fc.property(outputNames, (names) => {
        const files = fileNames(names);
        expect([...files.keys()]).toEqual(names);
        const values = [...files.values()];
        expect(new Set(values.map((f) => f.toLowerCase())).size).toBe(names.length);
        for (const file of values) {
          expect(file).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_.+~-]*\.npy$/);
          expect(file).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d)\./i);
          expect(file.length).toBeLessThan(200);
        }
      }),
    );
  });

  test("simple names keep theirs", () => {
    const names = ["module:a", "logits", "module_a", "features.10", "features.2.prefix", "NUL.1", "Logits"];
    expect([...fileNames(names).values()]).toEqual([
      "module_a~2.npy",
      "logits.npy",
      "module_a.npy",
      "features.10.npy",
      "features.2.prefix.npy",
      "_NUL.1.npy",
      "Logits~2.npy",
    ]);
  });
});
