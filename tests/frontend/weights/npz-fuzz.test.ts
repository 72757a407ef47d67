import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { openNpz } from "../../../src/frontend/weights/npz.ts";
import { isOpaque } from "../../../src/frontend/weights/source.ts";
import { formatNpy } from "../../../src/runtime/npy.ts";
import { expectReadOrRefused, fuzzRuns, fuzzTimeout, inserted, mutated } from "../fuzzing.ts";
import { zip } from "./pth/write-pth.ts";
import { tensorBytes } from "./write-safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "timmc-npz-fuzz-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "weights.npz");

const archives = ["numpy.npz", "numpy-compressed.npz"].map((name) =>
  readFileSync(join(import.meta.dirname, "data", name)),
);
const arrays = [
  formatNpy({ dtype: "f32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }),
  formatNpy({ dtype: "f32", shape: [], data: Float32Array.of(1) }),
  formatNpy({ dtype: "f32", shape: [0, 4], data: new Float32Array() }),
].map((file) => Buffer.from(file));

const words = ["(2, 3)", "(,)", "'<f8'", "'|O'", "'|S4'", "'>c16'", "True", "99999999999", "{", "}", "\u001b"];
const damagedArrays = mutated(arrays, inserted(fc.constantFrom(...words.map((word) => Buffer.from(word)))));

/** A sound archive of one deflated array: zip() does not know the size that it is inflated to. */
function deflated(array: Buffer): Buffer {
  const archive = zip([["a.npy", deflateRawSync(array)]], { method: 8 });
  archive.writeUInt32LE(array.length, archive.lastIndexOf(Buffer.of(0x50, 0x4b, 1, 2)) + 24);
  return archive;
}
const stored = (array: Buffer): Buffer =>
  zip([
    ["a.npy", array],
    ["\u001b[2J.npy", arrays[0] ?? array],
    ["text", array],
  ]);
const around = fc.tuple(damagedArrays, fc.constantFrom(stored, deflated)).map(([array, archive]) => archive(array));

/** Reads every array. */
function readAll(file: Buffer): readonly string[] {
  writeFileSync(path, file);
  const source = openNpz(path);
  try {
    for (const key of source.keys()) {
      const { dtype, shape, read } = source.get(key) ?? expect.fail(`${key} is a key without an array`);
      if (!isOpaque(dtype) && read().length !== tensorBytes(dtype, shape)) expect.fail(`${key} has other bytes`);
    }
    return source.notices ?? [];
  } finally {
    source.close();
  }
}

test("any archive of arrays is read or refused", { timeout: fuzzTimeout }, () => {
  const files = fc.oneof(mutated(archives), around);
  expectReadOrRefused(files, readAll, { kind: "npz", runs: fuzzRuns(3_000), accepted: 1, codes: ["weights"] });
});
