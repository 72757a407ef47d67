import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openWeights } from "../../../src/frontend/weights/open.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import { rawSafetensors } from "./write-safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "timmc-disguise-"));
afterAll(() => rmSync(folder, { recursive: true }));

function refused(path: string): string {
  try {
    openWeights(path).close();
  } catch (error) {
    if (error instanceof TimmcError) return `${error.code} ${error.describe()}`;
    throw error;
  }
  return "read";
}

const header = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
const safetensors = rawSafetensors(header, new Uint8Array(4));
const pointer = Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n");

test.each<[name: string, bytes: Uint8Array, expected: RegExp]>([
  ["pointer.safetensors", pointer, /a Git LFS pointer.*\n.*git lfs pull/],
  ["pointer.pth", pointer, /a Git LFS pointer/],
  ["page.safetensors", Buffer.from("\n<!DOCTYPE html><html>"), /a web page.*\n.*resolve/],
  ["renamed.npz", safetensors, /this is a safetensors file\n.*end in \.safetensors/],
  ["renamed.bin", safetensors, /this is a safetensors file/],
  ["zip.safetensors", Buffer.from("PK\u0003\u0004 and more"), /this is a zip archive/],
  ["pickle.safetensors", Buffer.from([0x80, 2, 0x8a, 10]), /this is a pickle/],
  ["sound.safetensors", safetensors, /^read$/],
  ["other.safetensors", Buffer.from("something else"), /^weights .*header claims/],
  ["empty.safetensors", Buffer.alloc(0), /^weights .*no room for the header/],
  ["bare.safetensors", rawSafetensors("{}", new Uint8Array()), /the file holds no tensors/],
  ["notes.txt", pointer, /^unsupported .*this kind/],
])("%s", (name, bytes, expected) => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  expect(refused(path)).toMatch(expected);
});

test("what is neither a file nor a word is answered with the words", () => {
  expect(refused("pretraned")).toMatch(
    /^io there is no weight file "pretraned"\n {2}Did you mean "pretrained"\? The weights/,
  );
  expect(refused("nope.txt")).toMatch(
    /^io there is no weight file "nope\.txt"\n {2}The weights are pretrained, synthetic, none/,
  );
  expect(refused("")).toMatch(/^usage no weights are named/);
  expect(refused(join(folder, "no.safetensors"))).toMatch(/^io .*cannot be read/);
});
