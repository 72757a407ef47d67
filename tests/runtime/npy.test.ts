import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { TimmcError } from "../../src/ir/error.ts";
import { type NpyArray, formatNpy, parseNpy, readNpy } from "../../src/runtime/npy.ts";

const folder = mkdtempSync(join(tmpdir(), "timmc-npy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file of the given version around a header text. */
function npy(header: string, data: Uint8Array = new Uint8Array(), version = 1, claimed = header.length): Uint8Array {
  const start = Buffer.from(`\u0093NUMPY${String.fromCharCode(version)}\0`, "latin1");
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(claimed, 0, length.length);
  return Buffer.concat([start, length, Buffer.from(header, "latin1"), data]);
}

function refusal(bytes: Uint8Array): string {
  try {
    parseNpy(bytes, "x.npy");
  } catch (error) {
    if (error instanceof TimmcError) return error.describe();
    throw error;
  }
  return expect.fail("the file was accepted");
}

const array: fc.Arbitrary<NpyArray> = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }).chain((shape) => {
  const n = shape.reduce((a, b) => a * b, 1);
  const size = { minLength: n, maxLength: n };
  return fc.oneof<fc.Arbitrary<NpyArray>[]>(
    fc.float32Array(size).map((data) => ({ dtype: "f32", shape, data })),
    fc.float64Array(size).map((data) => ({ dtype: "f64", shape, data })),
    fc.uint16Array(size).map((data) => ({ dtype: "f16", shape, data })),
    fc.bigInt64Array(size).map((data) => ({ dtype: "i64", shape, data })),
    fc.int32Array(size).map((data) => ({ dtype: "i32", shape, data })),
    fc.uint8Array(size).map((data) => ({ dtype: "u8", shape, data })),
    fc.int8Array(size).map((data) => ({ dtype: "i8", shape, data })),
    fc.uint8Array({ ...size, max: 1 }).map((data) => ({ dtype: "bool", shape, data })),
  );
});

describe("valid files", () => {
  test("any array survives a file", () => {
    const path = join(folder, "x.npy");
    fc.assert(
      fc.property(array, (x) => {
        writeFileSync(path, formatNpy(x));
        expect(readNpy(path)).toEqual(x);
      }),
    );
  });

  test("the bytes are NumPy's own", () => {
    const header = (fields: string) => `${fields}${" ".repeat(117 - fields.length)}\n`;
    const data = Float32Array.of(0, 0.25, 0.5, 0.75, 1, 1.25);
    const bytes = new Uint8Array(data.buffer);
    const numpy = npy(header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"), bytes);
    expect(Buffer.from(formatNpy({ dtype: "f32", shape: [2, 3], data }))).toEqual(numpy);
    const scalar = npy(
      header("{'descr': '<i8', 'fortran_order': False, 'shape': (), }"),
      Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0),
    );
    expect(Buffer.from(formatNpy({ dtype: "i64", shape: [], data: BigInt64Array.of(7n) }))).toEqual(scalar);
    const vector = npy(header("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }"), Uint8Array.of(7));
    expect(Buffer.from(formatNpy({ dtype: "u8", shape: [1], data: Uint8Array.of(7) }))).toEqual(vector);
  });

  test("other writers: version 2, any order of fields, double quotes, no padding, data at an odd offset", () => {
    const data = Buffer.from(Float32Array.of(1, 2).buffer);
    const header = '{"shape":(1,2,),"descr":"<f4","fortran_order":False}';
    for (const version of [1, 2]) {
      expect(parseNpy(npy(header, data, version), "x.npy")).toEqual({
        dtype: "f32",
        shape: [1, 2],
        data: Float32Array.of(1, 2),
      });
    }
  });
});

describe("hostile files", () => {
  const fields = (descr = "'<f4'", order = "False", shape = "(1,)") =>
    `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;
  const four = new Uint8Array(4);
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["empty", new Uint8Array(), /not a \.npy file/],
    ["a picture", Buffer.from("\u0089PNG\r\n\n1", "latin1"), /not a \.npy file/],
    ["version 3", npy(fields(), four, 3), /version 3 is not read/],
    ["cut at the version", npy(fields()).subarray(0, 6), /version missing/],
    ["cut at the length", npy(fields()).subarray(0, 9), /header length/],
    ["a header of 4 GiB", npy(fields(), four, 2, 0xffffffff), /claims 4294967295 bytes; at most/],
    ["a header past the end", npy(fields(), four, 1, 9000), /the file ends before/],
    ["no dict", npy("descr"), /not a dict/],
    ["code", npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}", four), /not a dict of descr/],
    ["records", npy(fields("[('a', '<f4'), ('b]', '|S4', (2,)), ('c', [('d', '|O')])]"), four), /records are not read/],
    ["a list without an end", npy(fields("[('a', '<f4']x"), four), /not a dict of descr/],
    ["an open list", npy(fields("[[('a', '<f4')]"), four), /not a dict of descr/],
    ["open dict", npy("{'descr': '<f4', "), /not a dict of descr/],
    ["a field twice", npy("{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", four), /"descr" twice/],
    [
      "a field more",
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': True}", four),
      /more than descr/,
    ],
    ["a field less", npy("{'descr': '<f4', 'fortran_order': False}", four), /more than descr|shape is missing/],
    ["text after the dict", npy(`${fields()} x`, four), /more than descr/],
    ["Fortran order", npy(fields("'<f4'", "True"), four), /Fortran order\n.*ascontiguousarray/],
    ["big endian", npy(fields("'>f4'"), four), /">f4" are not read\n.*astype/],
    ["objects", npy(fields("'|O'"), four), /"\|O" are not read/],
    ["shape of no tuple", npy(fields("'<f4'", "False", "(1)"), four), /not a tuple/],
    ["empty place in the shape", npy(fields("'<f4'", "False", "(1,,1)"), four), /not a tuple/],
    ["data cut", npy(fields(), four.subarray(1)), /needs 4 bytes of data, the file has 3/],
    ["data left over", npy(fields(), new Uint8Array(5)), /needs 4 bytes of data, the file has 5/],
    ["a shape that overflows", npy(fields("'<f4'", "False", "(99999999999, 99999999999)"), four), /bytes of data/],
    ["a size that is no integer", npy(fields("'<f4'", "False", `(0, ${"9".repeat(400)})`)), /Infinity|NaN/],
  ];
  test.each(cases)("%s", (_, bytes, rule) => expect(refusal(bytes)).toMatch(rule));

  test("any mutation is read or refused", () => {
    const valid = formatNpy({ dtype: "f32", shape: [1, 2], data: Float32Array.of(1, 2) });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (edits) => {
          const bytes = Buffer.from(valid);
          for (const [at, byte] of edits) bytes[at] = byte;
          try {
            const { shape, data } = parseNpy(bytes, "x.npy");
            expect(shape.reduce((a, b) => a * b, 1)).toBe(data.length);
          } catch (error) {
            if (!(error instanceof TimmcError)) throw error;
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("a missing file, and data that do not fill the shape", () => {
    expect(() => readNpy(join(folder, "absent.npy"))).toThrow(/cannot be read \(ENOENT/);
    expect(() => formatNpy({ dtype: "f32", shape: [3], data: Float32Array.of(1) })).toThrow(/needs 3 elements, not 1/);
  });
});

describe("refused before it is read:", () => {
  test.skipIf(process.platform === "win32").each(["/dev/zero", "/dev/null"])("%s", (path) => {
    expect(() => readNpy(path)).toThrow(/this is not a file/);
  });

  test.skipIf(process.platform === "win32")("a named pipe", () => {
    const path = join(folder, "pipe.npy");
    execFileSync("mkfifo", [path]);
    expect(() => readNpy(path)).toThrow(/this is not a file/);
  });

  test("a file above the bound", () => {
    const path = join(folder, "huge.npy");
    writeFileSync(path, "");
    truncateSync(path, 2 ** 33);
    expect(() => readNpy(path)).toThrow(/has 8589934592 bytes; at most/);
  });
});
