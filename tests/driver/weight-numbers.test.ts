import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { compile } from "../../src/driver/compile.ts";
import { verify } from "../../src/driver/verify.ts";
import { type StoredTensor, numberNotices } from "../../src/driver/weight-numbers.ts";
import { encodeNumbers } from "../../src/ir/bytes.ts";
import { openSafetensors } from "../../src/frontend/weights/safetensors.ts";
import { shapesModel, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();

/** A model of tensors and nothing else. */
const holding = (...tensors: readonly [name: string, dtype: "f32" | "f16" | "f64" | "i64", numbers: number[]][]) =>
  tensors.map(([name, dtype, numbers]): StoredTensor => ({
    header: { name, dtype },
    bytes: () => encodeNumbers(dtype, Float64Array.from(numbers)),
    fromCheckpoint: name !== "constant",
  }));

describe("numberNotices", () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(Math.fround),
    fc.constantFrom(Infinity, -Infinity, NaN, 1e300, 3.4028234663852886e38, -3.4028234663852886e38, 1e-46, 0),
  );

  it("counts what is not finite, by one number after another", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 1, maxLength: 23 }), async (numbers) => {
        const odd = numbers.filter((x) => !Number.isFinite(Math.fround(x))).length;
        const [first, ...more] = await numberNotices(holding(["w", "f32", numbers]));
        expect(more).toEqual([]);
        expect(first?.split(" of w")[0]).toBe(odd === 0 ? undefined : `${odd} of ${numbers.length} numbers`);
      }),
    );
  });

  it("names the first tensors and counts the others", async () => {
    const names = ["a", "b", "c", "d", "e"];
    const [first] = await numberNotices(
      holding(...names.map((n) => [n, "f16", [1e6, 1]] as [string, "f16", number[]])),
    );
    expect(first).toMatch(
      /^1 of 2 numbers of a, 1 of 2 numbers of b, 1 of 2 numbers of c and numbers of 2 more tensors /,
    );
  });

  it("knows variances, and passes over constants and integers", async () => {
    expect(await numberNotices(holding(["bn.running_var", "f64", [1, -2, 0, -0]]))).toEqual([
      "1 of 4 numbers of bn.running_var are variances below zero, of which there is no square root",
    ]);
    expect(await numberNotices(holding(["constant", "f32", [-Infinity]], ["index", "i64", [-1, 3]]))).toEqual([]);
  });
});

/** The shapes model with some numbers of a tensor replaced. */
function patched(name: string, file: string, numbers: readonly number[]): string {
  const path = join(shapesModel, "model.safetensors");
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength)) as Record<string, { data_offsets: number[] }>;
  const begin = 8 + headerLength + (header[name]?.data_offsets[0] ?? Number.NaN);
  numbers.forEach((x, i) => bytes.writeFloatLE(x, begin + 4 * i));
  writeFileSync(at(file), bytes);
  return at(file);
}

const compiled = async (file: string, optimization: "O0" | "O2") =>
  (
    await compile({
      model: `local-dir:${shapesModel}`,
      weights: { file },
      out: at(`out-${optimization}`),
      optimization,
    })
  ).notices;

test("the shapes model is what the tests take it for", () => {
  const source = openSafetensors(join(shapesModel, "model.safetensors"));
  expect(source.get("bn1.running_var")).toMatchObject({ dtype: "f32" });
  source.close();
});

test("NaN and infinity of a file are in the manifest, and verify says the same of them", async () => {
  const file = patched("fc.weight", "nan.safetensors", [NaN, Infinity]);
  const notices = await compiled(file, "O2");
  expect(notices.filter((n) => n.includes("NaN"))).toEqual([
    expect.stringMatching(/^2 of \d+ numbers of fc\.weight\S* are NaN or infinite/),
  ]);
  const { failure } = await verify(at("out-O2"), { model: `local-dir:${shapesModel}`, weights: file });
  expect(failure).toMatchObject({ stage: "reference" });
});

test("a variance below zero is named as it is stored, and as what it is folded into", async () => {
  const file = patched("bn1.running_var", "variance.safetensors", [-1]);
  expect((await compiled(file, "O0")).join("\n")).toMatch(
    /^1 of \d+ numbers of bn1\.running_var are variances below zero/m,
  );
  const folded = (await compiled(file, "O2")).join("\n");
  expect(folded).toMatch(/numbers of conv1\.\S+.* are NaN/);
});

test("weights that are well say nothing", async () => {
  expect(await compiled(join(shapesModel, "model.safetensors"), "O2")).toEqual([]);
});
