import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { HashingFileSink } from "../../src/backends/file-sink.ts";
import { TimmcError } from "../../src/ir/error.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "timmc-sink-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("commit gives the file its name, its length and its hash", () => {
  const sink = new HashingFileSink(join(folder, "a.bin"));
  const part = Uint8Array.of(1, 2, 3);
  sink.write(part);
  part.fill(9);
  sink.write(part);
  sink.write(new Uint8Array());
  expect(sink.byteLength).toBe(6);
  expect(readdirSync(folder)).not.toContain("a.bin");
  const expected = Buffer.of(1, 2, 3, 9, 9, 9);
  expect(sink.commit()).toEqual({ byteLength: 6, sha256: createHash("sha256").update(expected).digest("hex") });
  expect(readFileSync(join(folder, "a.bin"))).toEqual(expected);
  expect(readdirSync(folder)).toEqual(["a.bin"]);
});

test("abort leaves no trace, and nothing after commit", () => {
  const sink = new HashingFileSink(join(folder, "a.bin"));
  sink.write(Uint8Array.of(1));
  sink.abort();
  sink.abort();
  expect(readdirSync(folder)).toEqual([]);
  expect(() => sink.write(Uint8Array.of(1))).toThrow(/already closed/);
  const other = new HashingFileSink(join(folder, "b.bin"));
  other.commit();
  other.abort();
  expect(readdirSync(folder)).toEqual(["b.bin"]);
  expect(() => other.commit()).toThrow(/already closed/);
});

test("a committed file replaces the one before it", () => {
  for (const byte of [1, 2]) {
    const sink = new HashingFileSink(join(folder, "a.bin"));
    sink.write(Uint8Array.of(byte));
    sink.commit();
  }
  expect(readFileSync(join(folder, "a.bin"))).toEqual(Buffer.of(2));
});

test("failures of the file system are TimmcErrors and leave no temporary file", () => {
  expect(() => new HashingFileSink(join(folder, "absent", "a.bin"))).toThrow(TimmcError);
  // A folder stands where the file should go.
  const sink = new HashingFileSink(join(folder, "."));
  expect(() => sink.commit()).toThrow(/cannot write/);
  expect(readdirSync(folder)).toEqual([]);
});
