import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { rowsOf } from "../../../src/frontend/weights/source.ts";
import { toNumbers } from "../../../src/frontend/weights/load.ts";
import { openWeights } from "../../../src/frontend/weights/open.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import { formatNpy } from "../../../src/runtime/npy.ts";
import { zip } from "./pth/write-pth.ts";

/** How many bytes each inflation gave. */
const inflatedBytes = vi.hoisted((): number[] => []);
vi.mock("node:zlib", async (original) => {
  const zlib = await original<typeof import("node:zlib")>();
  const inflateRawSync: typeof zlib.inflateRawSync = (...args) => {
    const bytes = zlib.inflateRawSync(...args);
    inflatedBytes.push(bytes.length);
    return bytes;
  };
  return { ...zlib, inflateRawSync };
});

/** Written by numpy.savez and numpy.savez_compressed of NumPy 2.4. */
const data = (name: string): string => join(import.meta.dirname, "data", name);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "timmc-npz-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function written(bytes: Uint8Array): string {
  const path = join(folder, "x.npz");
  writeFileSync(path, bytes);
  return path;
}

function refusal(path: string): string {
  try {
    const source = openWeights(path);
    for (const key of source.keys()) source.get(key)?.read();
    source.close();
  } catch (error) {
    if (error instanceof TimmcError) return `${error.code}: ${error.describe()}`;
    throw error;
  }
  return "no refusal";
}

const npy = formatNpy({ dtype: "f32", shape: [3], data: Float32Array.of(1, 2, 3) });
const deflated = (bytes: Uint8Array): Uint8Array => deflateRawSync(bytes);

/** Sets the sizes that the directory gives for the one deflated member of an archive. */
function withInflated(archive: Buffer, inflated: number): Buffer {
  const copy = Buffer.from(archive);
  copy.writeUInt32LE(inflated, copy.indexOf(Buffer.of(0x50, 0x4b, 1, 2)) + 24);
  return copy;
}
const packed = (bytes: Uint8Array, inflated = bytes.length): Buffer =>
  withInflated(zip([["a.npy", deflated(bytes)]], { method: 8 }), inflated);

describe.each(["numpy.npz", "numpy-compressed.npz"])("%s", (name) => {
  test.each<readonly [string, string, readonly number[], readonly number[]]>([
    ["params/img/embedding/kernel", "f32", [2, 3], [0, 1, 2, 3, 4, 5]],
    ["fortran", "f32", [2, 3], [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]],
    ["big", "f32", [2, 3], [0, 1, 2, 3, 4, 5]],
    ["half", "f16", [2, 3], [0, 1, 2, 3, 4, 5]],
    ["bf16", "bf16", [2], [1, -2]],
    ["long", "i64", [1, 2], [1, -2]],
    ["scalar", "f64", [], [2.5]],
    ["empty", "f32", [0, 4], []],
  ])("has %s", (key, dtype, shape, values) => {
    const source = openWeights(data(name));
    const array = source.get(key) ?? expect.fail(key);
    expect([array.dtype, array.shape]).toEqual([dtype, shape]);
    expect([...toNumbers(array)]).toEqual(values);
    expect(source.notices).toEqual([`${name}: 1 members are no numbers, such as text.npy`]);
    source.close();
  });
});

test("members that do not shrink and members that shrink far are inflated whole", () => {
  const source = openWeights(data("numpy-compressed.npz"));
  expect(source.get("noise")?.read()).toHaveLength(20_000);
  expect(
    source
      .get("zeros")
      ?.read()
      .every((x) => x === 0),
  ).toBe(true);
  source.close();
});

test("one deflated member is read", () => {
  const source = openWeights(written(packed(npy)));
  expect([...toNumbers(source.get("a") ?? expect.fail("a"))]).toEqual([1, 2, 3]);
  source.close();
});

/** A .npy file of version 1 with this dict. */
function array(fields: string, data: Uint8Array): Buffer {
  const head = Buffer.from(`\u0093NUMPY\u0001\u0000\u0000\u0000${fields}\n`, "latin1");
  head.writeUInt16LE(head.length - 10, 8);
  return Buffer.concat([head, data]);
}

test("records are passed over", () => {
  const fields =
    "{'descr': [('step', '<i8'), (\"it's]\", [('x', '<f4', (2, 2))])], 'fortran_order': False, 'shape': (1,), }";
  const source = openWeights(
    written(
      zip([
        ["record.npy", array(fields, Buffer.alloc(24))],
        ["a.npy", npy],
      ]),
    ),
  );
  expect([...source.keys()]).toEqual(["a"]);
  expect(source.notices).toEqual(["x.npz: 1 members are no numbers, such as record.npy"]);
  source.close();
});

describe("rows", () => {
  test.each([
    ["params/img/embedding/kernel", [0, 1, 2, 3, 4, 5]],
    ["fortran", [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]],
    ["big", [0, 1, 2, 3, 4, 5]],
    ["half", [0, 1, 2, 3, 4, 5]],
  ])("of %s are those of the whole", (key, values) => {
    for (const name of ["numpy.npz", "numpy-compressed.npz"]) {
      const source = openWeights(data(name));
      const whole = source.get(key) ?? expect.fail(key);
      for (const [begin, end] of [
        [0, 1],
        [1, 2],
        [0, 2],
        [1, 1],
      ] as const) {
        const rows = rowsOf(whole, begin, end);
        expect(rows.shape).toEqual([end - begin, 3]);
        expect([...toNumbers(rows)]).toEqual(values.slice(3 * begin, 3 * end));
      }
      source.close();
    }
  });
});

test("opening inflates no more of a member than its header takes", () => {
  const opened = (bytes: Uint8Array): number => {
    inflatedBytes.length = 0;
    const path = written(withInflated(zip([["a.npy", deflated(bytes)]], { method: 8 }), bytes.length));
    try {
      openWeights(path).close();
    } catch (error) {
      if (!(error instanceof TimmcError)) throw error;
    }
    return Math.max(...inflatedBytes);
  };
  const zeros = formatNpy({ dtype: "f32", shape: [5_000_000], data: new Float32Array(5_000_000) });
  expect(opened(zeros)).toBeLessThan(300_000);
  expect(opened(new Uint8Array(20_000_000))).toBeLessThan(300_000);
  const noise = Buffer.from(Array.from({ length: 9_000 }, (_, i) => 33 + ((i * i * 31) % 89)));
  const long = array(
    `{'descr': '<f4', 'fortran_order': False, 'shape': (5000000,), '${noise.toString().replaceAll("'", "x")}`,
    new Uint8Array(20_000_000),
  );
  expect(opened(long)).toBeLessThan(300_000);
});

describe("refused:", () => {
  test.each<readonly [string, () => string, RegExp]>([
    ["arrays of objects", () => data("numpy-objects.npz"), /a: it is an array of Python objects/],
    ["another compression", () => written(zip([["a.npy", npy]], { method: 14 })), /compressed by method 14/],
    ["more than deflate can give", () => written(packed(npy, 1e9)), /claims 1000000000 bytes, more than its \d+ can/],
    [
      "more bytes than the directory says",
      () => written(packed(npy, npy.length - 4)),
      /needs 12 bytes, the member has 8/,
    ],
    [
      "fewer bytes than the directory says",
      () => written(withInflated(zip([["a.npy", deflated(npy.subarray(0, -4))]], { method: 8 }), npy.length)),
      /inflated to 136 bytes, not the 140 of the directory/,
    ],
    [
      "damaged bytes",
      () => written(withInflated(zip([["a.npy", Buffer.alloc(200, 7)]], { method: 8 }), 140)),
      /damaged/,
    ],
    [
      "an array that is too short",
      () => written(zip([["a.npy", npy.subarray(0, -1)]])),
      /needs 12 bytes, the member has 11/,
    ],
    ["a member that is no array", () => written(zip([["a.npy", Buffer.from("nothing")]])), /a: not a \.npy file/],
    ["nothing but other members", () => written(zip([["a.txt", npy]])), /holds no arrays of numbers/],
    [
      "two members of one name",
      () =>
        written(
          zip([
            ["a.npy", npy],
            ["a.npy", npy],
          ]),
        ),
      /two members a\.npy/,
    ],
    ["no archive", () => written(npy), /no end record/],
    ["an empty file", () => written(Buffer.alloc(0)), /no end record/],
  ])("%s", (_, path, rule) => expect(refusal(path())).toMatch(rule));

  test("any mutation is read or refused", () => {
    const archive = zip([
      ["a.npy", npy],
      ["b/c.npy", npy],
    ]);
    for (let at = 0; at < archive.length; at++)
      for (const bit of [1, 0x80]) {
        const mutated = Buffer.from(archive);
        mutated[at] = (mutated[at] ?? 0) ^ bit;
        expect(refusal(written(mutated))).toMatch(/^(?:weights: |no refusal)/);
      }
  });
});
