import { describe, expect, test } from "vitest";
import { matchError, matchWeights } from "../../../src/frontend/weights/check.ts";
import type { TensorSpec } from "../../../src/frontend/weights/source.ts";
import { f32Data, fakeSource, tensorData } from "./fake-source.ts";

const spec = (name: string, ...shape: number[]): TensorSpec => ({ name, shape, dtype: "f32" });
const ones = (...shape: number[]) =>
  f32Data(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 1),
  );

describe("matchWeights", () => {
  test("equal names and shapes fit, whatever the stored float type", () => {
    const source = fakeSource({ a: ones(2, 3), b: tensorData("bf16", [4], new Uint16Array(4)) });
    const match = matchWeights(source, [spec("a", 2, 3), spec("b", 4)]);
    expect(match).toEqual({ missing: [], unexpected: [], mismatched: [] });
    expect(matchError(source, match, false)).toBeUndefined();
    expect(source.reads()).toBe(0);
  });

  test("a tensor of one element loads into a scalar, and only that", () => {
    const source = fakeSource({ scale: ones(1), pair: ones(2), point: ones() });
    const match = matchWeights(source, [spec("scale"), spec("pair"), spec("point", 1)]);
    expect(match.mismatched.map((m) => m.name)).toEqual(["pair", "point"]);
  });

  test("batch counters may be missing, or left over beside a declared batch norm", () => {
    const counter: TensorSpec = { name: "bn1.num_batches_tracked", shape: [], dtype: "i64" };
    expect(matchWeights(fakeSource({}), [counter]).missing).toEqual([]);
    const left = fakeSource({
      "bn1.running_mean": ones(2),
      "bn1.num_batches_tracked": ones(),
      "bn9.num_batches_tracked": ones(),
    });
    expect(matchWeights(left, [spec("bn1.running_mean", 2)]).unexpected).toEqual(["bn9.num_batches_tracked"]);
  });

  test("types that nothing loads from are mismatches", () => {
    const source = fakeSource({ a: tensorData("c64", [2], new Float64Array(2)) });
    const match = matchWeights(source, [spec("a", 2)]);
    expect(matchError(source, match, false)?.message).toContain("a: the model has f32[2], the weights c64[2]");
  });
});

describe("matchError", () => {
  test("counts everything, lists the first few with shapes and near names", () => {
    const source = fakeSource({ "conv_1.weight": ones(2, 3), "fc.weight": ones(5, 2), other: ones(1) });
    const match = matchWeights(source, [spec("conv1.weight", 2, 3), spec("fc.weight", 10, 2)]);
    const error = matchError(source, match, false);
    expect(error?.code).toBe("weights");
    expect(error?.describe()).toMatchInlineSnapshot(`
      "fake: the weights do not fit the model: 1 missing, 1 of another shape or type, 2 not used
        missing: conv1.weight f32[2,3], near: conv_1.weight
        mismatched: fc.weight: the model has f32[10,2], the weights f32[5,2]
        not used: conv_1.weight
        not used: other
        Check that the architecture and its arguments are those of the checkpoint. timmc doctor MODEL shows each key."
    `);
  });

  test("long lists are cut", () => {
    const match = matchWeights(
      fakeSource({}),
      Array.from({ length: 12 }, (_, i) => spec(`block${i}.w`, 1)),
    );
    expect(matchError(fakeSource({}), match, false)?.message.split("\n").at(-1)).toBe("  missing: and 7 more");
  });

  test("names the prefix of a wrapped model, and the arguments where only shapes differ", () => {
    const wrapped = fakeSource({ "module.a.w": ones(1), "module.b.w": ones(1) });
    const match = matchWeights(wrapped, [spec("a.w", 1), spec("b.w", 1)]);
    expect(matchError(wrapped, match, false)?.hint).toContain("prefix `module.`");
    const sized = fakeSource({ "fc.weight": ones(5, 2) });
    expect(matchError(sized, matchWeights(sized, [spec("fc.weight", 10, 2)]), false)?.hint).toContain("num_classes");
  });

  test("names the classes that a file has, and how they are asked for", () => {
    const source = fakeSource({ "fc.weight": ones(5, 2), "fc.bias": ones(5) });
    const match = matchWeights(source, [spec("fc.weight", 10, 2), spec("fc.bias", 10)]);
    const parts = { firstConv: [], classifier: ["fc"] };
    expect(matchError(source, match, false, { parts, kind: "file" })?.hint).toBe(
      "The shapes ask for --arg num_classes=5. timmc doctor MODEL --weights FILE shows each key.",
    );
    expect(matchError(source, match, false, { parts, kind: "pretrained" })?.hint).toBe(
      "The shapes ask for --cfg num_classes=5. timmc doctor MODEL shows each key.",
    );
  });

  test("keys that are left over are an error, unless timm loads such a file non-strictly", () => {
    const names = ["extra", "b.2", "b.3", "b.4"];
    const source = fakeSource({ a: ones(1), ...Object.fromEntries(names.map((name) => [name, ones(1)])) });
    const match = matchWeights(source, [spec("a", 1)]);
    expect(match.unexpected).toEqual(names);
    const error = matchError(source, match, false);
    expect(error?.describe()).toMatch(
      /^fake: the file holds 4 entries that the model does not have, such as extra, b\.2, b\.3\n.*timmc doctor MODEL/s,
    );
    expect(matchError(source, match, true)).toBeUndefined();
  });

  test("names of a file do not speak to the terminal", () => {
    const escape = "\u001B[2J\u202E";
    const hostile = fakeSource({ [`${escape}.a`]: ones(1), [`${escape}.b`]: ones(1), [`a\u001B`]: ones(1) });
    const cases = [[spec("a", 1), spec("b", 1)], [spec("c", 1)], []];
    for (const specs of cases) {
      const error = matchError(hostile, matchWeights(hostile, specs), false);
      expect(error?.describe()).toContain("\\u001b");
      expect(error?.describe()).not.toMatch(/\p{Cc}(?<!\n)|\p{Cf}/u);
    }
  });
});
