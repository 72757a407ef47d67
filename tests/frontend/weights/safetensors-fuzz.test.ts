import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { openSafetensors } from "../../../src/frontend/weights/safetensors.ts";
import { type StoredDType, isOpaque, storedBits } from "../../../src/frontend/weights/source.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import { expectReadOrRefused, fuzzRuns, fuzzTimeout, mutated } from "../fuzzing.ts";
import { mutatedJson } from "../mutate-json.ts";
import { type Stored, encodeSafetensors, f32, fileName, rawSafetensors, tensorBytes } from "./write-safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "timmc-safetensors-fuzz-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "model.safetensors");

const dtypes = (Object.keys(storedBits) as StoredDType[]).filter((dtype) => dtype !== "c128");
const ofDType = (dtype: StoredDType): Stored => {
  const bytes = Uint8Array.from({ length: tensorBytes(dtype, [2, 4]) }, (_, i) => i);
  return { name: `blocks.0.${dtype}`, dtype, shape: [2, 4], bytes };
};
const seeds = [
  encodeSafetensors(dtypes.map(ofDType), { format: "pt" }),
  encodeSafetensors([f32("conv1.weight", [2, 1, 2, 1], [1, 2, 3, 4]), f32("none", [0, 3], []), f32("s", [], [5])], {}),
  encodeSafetensors([f32("fc.bias", [3], [9, 10, 11])]),
  encodeSafetensors([]),
].map((file) => Buffer.from(file));
const vocabulary = ["__metadata__", "dtype", "shape", "data_offsets", "F32", "U8", "F4", "C64", "fc.bias", "format"];

const partsOf = (file: Buffer): { readonly header: Buffer; readonly data: Buffer } => {
  const dataStart = 8 + Number(file.readBigUInt64LE());
  return { header: file.subarray(8, dataStart), data: file.subarray(dataStart) };
};

/** Damaged headers, with a length that is right, in front of the data. */
const damagedHeaders = seeds.map((seed) => {
  const { header, data } = partsOf(seed);
  const structural = mutatedJson([JSON.parse(header.toString())], vocabulary);
  return fc.oneof(structural, mutated([header])).map((text) => Buffer.from(rawSafetensors(text, data)));
});

/** Reads every tensor, and compares with JSON's own reading of the header. */
function readAll(file: Buffer): readonly string[] {
  writeFileSync(path, file);
  const source = openSafetensors(path);
  try {
    const { header, data } = partsOf(file);
    const { __metadata__: _, ...told } = JSON.parse(header.toString()) as Readonly<
      Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>
    >;
    expect([...source.keys()].sort()).toEqual(Object.keys(told).sort());
    let total = 0;
    for (const [name, entry] of Object.entries(told)) {
      const { dtype, shape, read } = source.get(name) ?? expect.fail(`${name} is a key without a tensor`);
      if (fileName[dtype] !== entry.dtype || String(shape) !== String(entry.shape)) expect.fail(`${name} is another`);
      if (isOpaque(dtype)) expect(read).toThrow(TimmcError);
      else if (!data.subarray(...entry.data_offsets).equals(read())) expect.fail(`${name} has other bytes`);
      total += tensorBytes(dtype, shape);
    }
    expect(total).toBe(data.length);
    return source.notices ?? [];
  } finally {
    source.close();
  }
}

test("any safetensors file is read as its header says, or refused", { timeout: fuzzTimeout }, () => {
  const files = fc.oneof(mutated(seeds), ...damagedHeaders);
  expectReadOrRefused(files, readAll, { kind: "safetensors", runs: fuzzRuns(3_000), accepted: 1, codes: ["weights"] });
});
