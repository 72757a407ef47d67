import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openWeights } from "../../../src/frontend/weights/open.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import { PthWriter, floats, ordered } from "./pth/write-pth.ts";
import { f32, writeSafetensors } from "./write-safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "timmc-sharded-"));
const at = (name: string): string => join(folder, name);
const index = at("model.safetensors.index.json");
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(() => {
  writeSafetensors(at("one.safetensors"), [f32("a", [2], [1, 2]), f32("b", [1], [3])]);
  writeSafetensors(at("two.safetensors"), [f32("c", [1], [4])]);
  mkdirSync(at("folder"));
  writeSafetensors(at("folder/three.safetensors"), [f32("d", [1], [5])]);
  const writer = new PthWriter({ 0: floats(6, 7) });
  writeFileSync(at("four.bin"), writer.file(ordered([["e", writer.tensor({ storage: "0", shape: [2] })]])));
});

function refusal(text: string | Uint8Array, path = index): { readonly code: string; readonly text: string } {
  writeFileSync(path, text);
  try {
    openWeights(path).close();
  } catch (error) {
    if (error instanceof TimmcError) return { code: error.code, text: error.describe() };
    throw error;
  }
  return { code: "", text: "no refusal" };
}

const weightMap = (map: Readonly<Record<string, string>>): string => JSON.stringify({ weight_map: map });

test.each(["module.", "_orig_mod.", "module._orig_mod."])("shards of PyTorch whose names begin with %s", (wrapper) => {
  const writer = new PthWriter({ 0: floats(1), 1: floats(2) });
  const entries = ["a", "b"].map(
    (name, i) => [wrapper + name, writer.tensor({ storage: `${i}`, shape: [1] })] as const,
  );
  const map: Record<string, string> = {};
  for (const [i, entry] of entries.entries()) {
    writeFileSync(at(`wrapped-${i}.bin`), writer.file(ordered([entry])));
    map[entry[0]] = `wrapped-${i}.bin`;
  }
  writeFileSync(at("wrapped.bin.index.json"), weightMap(map));
  const source = openWeights(at("wrapped.bin.index.json"));
  expect([...source.keys()]).toEqual(["a", "b"]);
  expect(source.get("b")?.read()).toEqual(new Uint8Array(Float32Array.of(2).buffer));
  expect(source.notices).toEqual([]);
  source.close();
});

test("one source over several files, in the order of the index", () => {
  const map = { c: "two.safetensors", b: "one.safetensors", e: "four.bin", a: "one.safetensors" };
  writeFileSync(index, JSON.stringify({ metadata: { total_size: 1e3, x: [null] }, weight_map: map }));
  const source = openWeights(index);
  expect([...source.keys()]).toEqual(Object.keys(map));
  expect(source.label).toBe("model.safetensors.index.json");
  expect(source.get("e")?.read()).toEqual(new Uint8Array(Float32Array.of(6, 7).buffer));
  expect(source.get("a")?.shape).toEqual([2]);
  expect(source.get("d")).toBeUndefined();
  expect(source.notices).toEqual([]);
  source.close();
  for (const key of ["a", "e"]) expect(() => source.get(key)?.read()).toThrow(/after its source was closed/);
});

test("entries that the index leaves out are noticed, not read", () => {
  writeFileSync(index, weightMap({ a: "one.safetensors" }));
  const source = openWeights(index);
  expect([...source.keys()]).toEqual(["a"]);
  expect(source.get("b")).toBeUndefined();
  expect(source.notices?.join()).toMatch(/one\.safetensors holds 1 entries .* such as b/);
  source.close();
});

test("files are found beside the index, through links too", () => {
  mkdirSync(at("snapshot"));
  symlinkSync("../one.safetensors", at("snapshot/linked.safetensors"));
  const path = at("snapshot/model.safetensors.index.json");
  expect(refusal(weightMap({ a: "linked.safetensors" }), path).text).toBe("no refusal");
});

describe("refused", () => {
  test.each([
    [
      "a missing file",
      weightMap({ a: "one.safetensors", z: "nine.safetensors" }),
      "io",
      /nine\.safetensors, which the index names, is missing/,
    ],
    [
      "a key that its file lacks",
      weightMap({ c: "one.safetensors" }),
      "weights",
      /> c: the index places it in one\.safetensors, which does not have it/,
    ],
    [
      "a folder",
      weightMap({ d: "folder/three.safetensors" }),
      "weights",
      /"folder\/three\.safetensors", which is no file name/,
    ],
    ["a way up", weightMap({ d: "../x.safetensors" }), "weights", /no file name beside/],
    ["a way up on Windows", weightMap({ d: "..\\x.safetensors" }), "weights", /no file name beside/],
    ["an absolute path", weightMap({ d: "/etc/x.safetensors" }), "weights", /no file name beside/],
    ["a drive", weightMap({ d: "C:x.safetensors" }), "weights", /no file name beside/],
    ["dots", weightMap({ d: ".." }), "weights", /no file name beside/],
    ["no name", weightMap({ d: "" }), "weights", /no file name beside/],
    ["an index of itself", weightMap({ d: "model.safetensors.index.json" }), "unsupported", /not supported/],
    ["another kind of file", weightMap({ d: "x.txt" }), "io", /x\.txt, .* is missing/],
    ["no map", "{}", "weights", /no "weight_map"/],
    ["two maps", '{"weight_map":{},"weight_map":{}}', "weights", /twice/],
    [
      "a key twice",
      '{"weight_map":{"a":"one.safetensors","a":"two.safetensors"}}',
      "weights",
      /> a: the index names it twice/,
    ],
    ["a list", "[]", "weights", /the index is not valid JSON/],
    ["a number for a file", '{"weight_map":{"a":1}}', "weights", /the index is not valid JSON: expected a string/],
    [
      "many files",
      weightMap(Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`${i}`, `${i}.bin`]))),
      "weights",
      /501 files, more than 500/,
    ],
  ])("%s", (_, text, code, rule) => {
    const found = refusal(text);
    expect(found.text).toMatch(rule);
    expect(found.code).toBe(code);
  });

  test("what is not UTF-8, and what is too long", () => {
    expect(refusal(Uint8Array.of(0x7b, 0xff)).text).toMatch(/not UTF-8/);
    expect(refusal(Buffer.alloc((1 << 24) + 1, " ")).text).toMatch(/longer than 16777216/);
  });
});
