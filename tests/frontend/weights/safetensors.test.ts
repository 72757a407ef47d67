import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { openWeights } from "../../../src/frontend/weights/open.ts";
import { openSafetensors } from "../../../src/frontend/weights/safetensors.ts";
import { type StoredDType, isOpaque, storedBits } from "../../../src/frontend/weights/source.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import {
  type Stored,
  encodeSafetensors,
  f32,
  headerOf,
  rawSafetensors,
  tensorBytes,
  writeSafetensors,
} from "./write-safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "timmc-safetensors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "model.safetensors");

/** Everything that a file holds, or the error that refuses it. */
function contents(bytes: Uint8Array): Stored[] | TimmcError {
  writeFileSync(path, bytes);
  try {
    const source = openSafetensors(path);
    try {
      return [...source.keys()].map((name) => {
        const data = source.get(name) ?? expect.fail(`${name} is a key without a tensor`);
        return {
          name,
          dtype: data.dtype,
          shape: data.shape,
          bytes: isOpaque(data.dtype) ? new Uint8Array() : data.read(),
        };
      });
    } finally {
      source.close();
    }
  } catch (error) {
    if (error instanceof TimmcError) return error;
    throw error;
  }
}

function refusal(bytes: Uint8Array): string {
  const result = contents(bytes);
  if (!(result instanceof TimmcError)) return expect.fail("the file was accepted");
  expect(result.code).toBe("weights");
  expect(result.hint).toMatch(/\S/);
  expect(result.trail[0]).toBe(path);
  return [...result.trail.slice(1), result.message].join(": ");
}

const header = (text: string, bytes = 0): Uint8Array => rawSafetensors(text, new Uint8Array(bytes));
const entry = (begin: number, end: number, shape = `[${(end - begin) / 4}]`): string =>
  `{"dtype":"F32","shape":${shape},"data_offsets":[${begin},${end}]}`;

const dtypeNames = (Object.keys(storedBits) as StoredDType[]).filter((dtype) => dtype !== "c128" && dtype !== "i4");
const tensor: fc.Arbitrary<Omit<Stored, "name">> = fc
  .record({
    dtype: fc.constantFrom(...dtypeNames.filter((dtype) => !isOpaque(dtype))),
    shape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
  })
  .chain(({ dtype, shape }) => {
    const length = tensorBytes(dtype, shape);
    return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => ({ dtype, shape, bytes }));
  });
const checkpoint: fc.Arbitrary<Stored[]> = fc
  .uniqueArray(fc.tuple(fc.string({ unit: "binary" }), tensor), { selector: ([name]) => name, maxLength: 6 })
  .map((list) => list.filter(([name]) => name !== "__metadata__").map(([name, data]) => ({ name, ...data })));

describe("files that follow the format", () => {
  test("any names, types and shapes are read back, in file order", () => {
    fc.assert(
      fc.property(
        checkpoint,
        fc.option(fc.dictionary(fc.string(), fc.string()), { nil: undefined }),
        (tensors, meta) => {
          expect(contents(encodeSafetensors(tensors, meta))).toEqual(tensors);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("the header may list tensors in another order than the data, with extra fields", () => {
    const file = rawSafetensors(
      `{"b":{"note":{"x":[1.5e3,null,"}"]},"dtype":"U8","shape":[1],"data_offsets":[1,2]},` +
        `"a":{"data_offsets":[0,1],"shape":[],"dtype":"U8"}}`,
      Uint8Array.of(7, 9),
    );
    expect(contents(file)).toEqual([
      { name: "b", dtype: "u8", shape: [1], bytes: Uint8Array.of(9) },
      { name: "a", dtype: "u8", shape: [], bytes: Uint8Array.of(7) },
    ]);
  });

  test("an empty object, and names that JavaScript objects treat specially", () => {
    expect(contents(header("{}   "))).toEqual([]);
    const odd = ["__proto__", "constructor", "0", ""].map((name) => f32(name, [1], [1]));
    expect(contents(encodeSafetensors(odd))).toEqual(odd);
  });

  test("spaces before the brace are accepted with a notice", () => {
    writeFileSync(path, header(" \n{}"));
    const source = openSafetensors(path);
    expect(source.notices?.join()).toMatch(/begins with spaces/);
    expect(source.label).toBe("model.safetensors");
    source.close();
  });

  test("types that no parameter can have are listed, and refused by name when read", () => {
    for (const dtype of dtypeNames.filter(isOpaque)) {
      const shape = [8];
      writeSafetensors(path, [{ name: "odd", dtype, shape, bytes: new Uint8Array(tensorBytes(dtype, shape)) }]);
      const source = openSafetensors(path);
      expect(source.get("odd")).toMatchObject({ dtype, shape });
      expect(() => source.get("odd")?.read()).toThrow(new RegExp(`type ${dtype} are not supported`));
      source.close();
    }
  });
});

describe("each broken rule is named", () => {
  const a = (fields: string, bytes = 4): string => refusal(header(`{"a":{${fields}}}`, bytes));
  const cases: readonly (readonly [string, () => string, RegExp])[] = [
    ["short file", () => refusal(new Uint8Array(7)), /^a file of 7 bytes/],
    [
      "length 2^60",
      () => refusal(rawSafetensors("{}", new Uint8Array(), 1n << 60n)),
      /claims 1152921504606846976 bytes/,
    ],
    ["length 2^64 - 1", () => refusal(rawSafetensors("{}", new Uint8Array(), (1n << 64n) - 1n)), /claims 18446744073/],
    [
      "length past the end",
      () => refusal(rawSafetensors("{}", new Uint8Array(), 3n)),
      /claims 3 bytes, the file holds 2/,
    ],
    ["not UTF-8", () => refusal(rawSafetensors(Uint8Array.of(0x7b, 0xff, 0x7d), new Uint8Array())), /not UTF-8/],
    ["byte order mark", () => refusal(header("\uFEFF{}")), /expected `{` at character 0/],
    ["no header", () => refusal(header("")), /expected `{`/],
    ["an array", () => refusal(header("[]")), /expected `{`/],
    ["text after the object", () => refusal(header("{} x")), /only spaces/],
    ["NUL padding", () => refusal(header("{}\0")), /only spaces/],
    ["trailing comma", () => refusal(header(`{"a":${entry(0, 4)},}`, 4)), /expected a string/],
    ["open string", () => refusal(header('{"a')), /end of the string/],
    ["bad escape", () => refusal(header(String.raw`{"\x":${entry(0, 0)}}`)), /not valid JSON text/],
    ["lone surrogate", () => refusal(header(String.raw`{"\ud800":${entry(0, 0)}}`)), /not valid JSON text/],
    ["name twice", () => refusal(header(`{"a":${entry(0, 0)},"a":${entry(0, 0)}}`)), /^a: the header names it twice/],
    ["escaped name twice", () => refusal(header(`{"a":${entry(0, 0)},"\\u0061":${entry(0, 0)}}`)), /^a: .*twice/],
    [
      "field twice",
      () => a('"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]'),
      /^a: .*"dtype" occurs twice/,
    ],
    ["no dtype", () => a('"shape":[1],"data_offsets":[0,4]'), /^a: .*"dtype" is missing/],
    ["no shape", () => a('"dtype":"F32","data_offsets":[0,4]'), /^a: .*"shape" is missing/],
    ["no offsets", () => a('"dtype":"F32","shape":[1]'), /^a: .*"data_offsets" is missing/],
    ["three offsets", () => a('"dtype":"F32","shape":[1],"data_offsets":[0,4,4]'), /^a: .*not a pair/],
    ["reversed offsets", () => a('"dtype":"F32","shape":[1],"data_offsets":[4,0]'), /^a: .*ends before it begins/],
    [
      "unknown dtype",
      () => a('"dtype":"F31","shape":[1],"data_offsets":[0,4]'),
      /^a: unknown dtype "F31"; known: BOOL/,
    ],
    ["negative size", () => a('"dtype":"F32","shape":[-1],"data_offsets":[0,4]'), /expected a natural number/],
    ["fraction", () => a('"dtype":"F32","shape":[1.0],"data_offsets":[0,4]'), /expected a natural number/],
    ["exponent", () => a('"dtype":"F32","shape":[1e0],"data_offsets":[0,4]'), /expected a natural number/],
    [
      "leading zero",
      () => a('"dtype":"F32","shape":[01],"data_offsets":[0,4]'),
      /expected a natural number|expected `]`/,
    ],
    ["huge size", () => a('"dtype":"F32","shape":[18446744073709551617],"data_offsets":[0,4]'), /2\^53 or more/],
    ["overflow", () => a('"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]', 0), /^a: .*2\^53 bits/],
    ["wrong byte count", () => a('"dtype":"F32","shape":[2],"data_offsets":[0,4]'), /^a: .*needs 8 bytes, .* holds 4/],
    ["half bytes", () => a('"dtype":"F4","shape":[3],"data_offsets":[0,2]', 2), /^a: .*whole bytes/],
    ["truncated data", () => refusal(header(`{"a":${entry(0, 4)}}`, 3)), /^a: .*truncated/],
    ["trailing data", () => refusal(header(`{"a":${entry(0, 4)}}`, 5)), /1 bytes after the last tensor/],
    ["data without tensors", () => refusal(header("{}", 1)), /1 bytes after the last tensor/],
    ["hole", () => refusal(header(`{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, 12)), /^b: 4 bytes before its data/],
    ["hole at the start", () => refusal(header(`{"a":${entry(4, 8)}}`, 8)), /^a: 4 bytes before its data/],
    ["overlap", () => refusal(header(`{"a":${entry(0, 8)},"b":${entry(4, 8)}}`, 8)), /^b: its data overlaps/],
    ["alias", () => refusal(header(`{"a":${entry(0, 4)},"b":${entry(0, 4)}}`, 4)), /^b: its data overlaps/],
    ["empty tensor inside another", () => refusal(header(`{"a":${entry(0, 4)},"b":${entry(2, 2)}}`, 4)), /overlaps/],
    ["metadata of numbers", () => refusal(header('{"__metadata__":{"a":1}}')), /expected a string/],
    ["metadata twice", () => refusal(header('{"__metadata__":{},"__metadata__":{}}')), /__metadata__: .*twice/],
    ["metadata key twice", () => refusal(header('{"__metadata__":{"a":"","a":""}}')), /key "a" twice/],
    ["an entry that is a list", () => refusal(header('{"a":["F32",[1],[0,4]]}', 4)), /expected `{`/],
    ["deep nesting", () => a(`"x":${"[".repeat(1e5)}`), /nested more than 64 deep/],
    ["many values", () => a(`"x":[${"0,".repeat(2e6)}0]`), /more than 2000000 values/],
    [
      "many dimensions",
      () => a(`"dtype":"F32","shape":[${"1,".repeat(64)}1],"data_offsets":[0,4]`),
      /^a: its shape has more than 64 dimensions/,
    ],
    ["many offsets", () => a(`"data_offsets":[${"0,".repeat(1e5)}0]`), /^a: .*not a pair/],
    [
      "what a terminal obeys",
      () => refusal(header(String.raw`{"\u001b[2J\u009b\u202e":{"dtype":"\u001b"}}`)),
      /^\\u001b\[2J\\u009b\\u202e: unknown dtype "\\u001b"/,
    ],
  ];
  test.each(cases)("%s", (_, provoke, rule) => expect(provoke()).toMatch(rule));

  test("every header of a valid file's prefix is refused", () => {
    const file = encodeSafetensors([f32("a", [2], [1, 2]), f32("b", [], [3])], { format: "pt" });
    for (let n = 0; n < file.length; n++) expect(contents(file.subarray(0, n))).toBeInstanceOf(TimmcError);
  });
});

describe("files", () => {
  test("a file that shrinks, a closed source, a missing file, a folder", () => {
    writeSafetensors(path, [f32("a", [2], [1, 2])]);
    const source = openSafetensors(path);
    truncateSync(path, headerOf([f32("a", [2], [1, 2])], { format: "pt" }).length + 12);
    expect(() => source.get("a")?.read()).toThrow(/cut while in use/);
    source.close();
    source.close();
    expect(() => source.get("a")?.read()).toThrow(/after its source was closed/);
    expect(() => openSafetensors(join(folder, "absent.safetensors"))).toThrow(/cannot be read: ENOENT/);
    expect(() => openSafetensors(folder)).toThrow(/not a regular file/);
  });

  test("the ending tells the format", () => {
    writeFileSync(join(folder, "x.txt"), "x");
    expect(() => openWeights(join(folder, "x.txt"))).toThrow(/not supported/);
    writeSafetensors(path, [f32("a", [1], [5])]);
    const source = openWeights(path);
    expect([...source.keys()]).toEqual(["a"]);
    source.close();
  });
});
