import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { openWeights } from "../../../src/frontend/weights/open.ts";
import { expectReadOrRefused, fuzzRuns, fuzzTimeout, mutated } from "../fuzzing.ts";
import { mutatedJson } from "../mutate-json.ts";
import { PthWriter, floats, ordered } from "./pth/write-pth.ts";
import { f32, writeSafetensors } from "./write-safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "timmc-sharded-fuzz-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const index = join(folder, "model.safetensors.index.json");

const one = "model-00001-of-00002.safetensors";
const two = "model-00002-of-00002.safetensors";
writeSafetensors(join(folder, one), [f32("a", [2], [1, 2]), f32("b", [1], [3])]);
writeSafetensors(join(folder, two), [f32("c", [1], [4]), f32("\u001b[2J\u009b", [1], [4])]);
writeSafetensors(join(folder, "\u001b[2J.safetensors"), [f32("d", [1], [4])]);
writeFileSync(join(folder, "damaged.safetensors"), "12345678{}");
mkdirSync(join(folder, "folder.bin"));
const writer = new PthWriter({ 0: floats(6, 7) });
const pth = writer.file(ordered([["e", writer.tensor({ storage: "0", shape: [2] })]]));
writeFileSync(join(folder, "three.bin"), pth);

const values = [
  {
    metadata: { total_size: 1e3, x: [null, true, { y: 0.5 }] },
    weight_map: { a: one, b: one, c: two, e: "three.bin" },
  },
  { weight_map: { c: two, "\u001b[2J\u009b": two }, metadata: { format: "pt" } },
  { weight_map: { d: "\u001b[2J.safetensors" } },
  { weight_map: {} },
];
const files = [
  one,
  two,
  "three.bin",
  "damaged.safetensors",
  "folder.bin",
  "folder.bin/x.bin",
  "..",
  "\u001b[2J.safetensors",
];
const vocabulary = ["metadata", "weight_map", "a", "b", "c", "d", "e", ...files];

/** Reads every tensor. */
function readAll(file: Buffer): readonly string[] {
  writeFileSync(index, file);
  const source = openWeights(index);
  try {
    const { weight_map: map } = JSON.parse(file.toString()) as { weight_map: Readonly<Record<string, string>> };
    expect(new Set(source.keys())).toEqual(new Set(Object.keys(map)));
    for (const key of source.keys()) {
      const { shape, read } = source.get(key) ?? expect.fail(`${key} is a key without a tensor`);
      expect(read().length).toBe(4 * (shape[0] ?? 1));
    }
    return source.notices ?? [];
  } finally {
    source.close();
  }
}

test("any index of weight files is read or refused", { timeout: fuzzTimeout }, () => {
  const texts = values.map((value) => Buffer.from(JSON.stringify(value)));
  const indexes = fc.oneof(mutated(texts), mutatedJson(values, vocabulary));
  expectReadOrRefused(indexes, readAll, {
    kind: "weight indexes",
    runs: fuzzRuns(3_000),
    accepted: 1,
    codes: ["weights", "io", "unsupported"],
  });
});
