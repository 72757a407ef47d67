import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { toFloat32 } from "../../../../src/frontend/weights/load.ts";
import { openWeights } from "../../../../src/frontend/weights/open.ts";
import { openPth } from "../../../../src/frontend/weights/pth/pth.ts";
import { TimmcError } from "../../../../src/ir/error.ts";
import { read } from "./memory.ts";

/** Files that torch wrote, and what torch reads from them. */
const folder = join(import.meta.dirname, "data");

interface Expected {
  readonly ok: boolean;
  readonly nesting?: string;
  readonly prefix?: string;
  readonly other_keys?: readonly string[];
  readonly tensors?: Readonly<
    Record<string, { dtype: string; shape: readonly number[]; samples: readonly number[]; sum: number }>
  >;
}

const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Readonly<Record<string, Expected>>;
const dtypes: Readonly<Record<string, string>> = {
  float64: "f64",
  float32: "f32",
  float16: "f16",
  bfloat16: "bf16",
  int64: "i64",
  int32: "i32",
  uint8: "u8",
  bool: "bool",
};

const refused: Readonly<Record<string, RegExp>> = {
  "malicious.pth": /calls posix\.system, which is code/,
  "whole_module.pth": /calls __main__\.Net, which is code/,
  "truncated.pth": /no end record: the file is truncated/,
  "not_a_checkpoint.pth": /a web page, in place of the weights/,
};

test("every file has its expectation", () => {
  expect(
    readdirSync(folder)
      .filter((file) => file !== "expected.json")
      .sort(),
  ).toEqual(Object.keys(expected).sort());
});

describe.each(Object.entries(expected).filter(([, { ok }]) => ok))("%s", (file, { tensors = {}, ...about }) => {
  test("holds what torch reads", () => {
    const source = openWeights(join(folder, file));
    expect([...source.keys()]).toEqual(Object.keys(tensors));
    for (const [name, { dtype, shape, samples, sum }] of Object.entries(tensors)) {
      const data = source.get(name) ?? expect.fail(name);
      expect([data.dtype, data.shape]).toEqual([dtypes[dtype], shape]);
      const values = toFloat32(data);
      for (const [i, sample] of samples.entries()) expect(values[i]).toBeCloseTo(sample, 6);
      expect(Math.abs(values.reduce((a, b) => a + b, 0) - sum)).toBeLessThan(1e-6 * Math.max(1, Math.abs(sum)) + 1e-6);
      expect(values).toHaveLength(shape.reduce((n, d) => n * d, 1));
    }
    source.close();
  });

  test("is nested and prefixed as torch wrote it", () => {
    const checkpoint = read(readFileSync(join(folder, file)));
    expect(checkpoint.nesting).toBe(about.nesting);
    const prefix = about.prefix ?? "";
    expect([...checkpoint.tensors.keys()]).toEqual(Object.keys(tensors).map((name) => prefix + name));
    if (about.other_keys !== undefined) expect(checkpoint.otherKeys).toEqual(about.other_keys);
    expect(checkpoint.skipped).toEqual([]);
  });
});

test.each(Object.entries(expected).filter(([, { ok }]) => !ok))("%s is refused", (file) => {
  try {
    openPth(join(folder, file));
  } catch (error) {
    expect(error).toBeInstanceOf(TimmcError);
    expect(error).toMatchObject({ code: "weights", trail: [join(folder, file)] });
    expect((error as TimmcError).message).toMatch(refused[file] ?? expect.fail(file));
    expect((error as TimmcError).hint).toMatch(/\S/);
    return;
  }
  expect.fail("it was read");
});
