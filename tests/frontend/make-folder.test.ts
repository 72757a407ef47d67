import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { makeFolder } from "../../src/frontend/make-folder.ts";

vi.mock("node:fs", async (importOriginal) => {
  const own = await importOriginal<typeof fs>();
  return { ...own, mkdirSync: vi.fn(own.mkdirSync) };
});

const root = fs.mkdtempSync(join(tmpdir(), "timmc-make-"));
afterAll(() => fs.rmSync(root, { recursive: true }));

it("makes those above it, and is content with one that exists", () => {
  for (let i = 0; i < 2; i++) makeFolder(join(root, "a/b/c"));
  expect(fs.statSync(join(root, "a/b/c")).isDirectory()).toBe(true);
});

it("goes on where another process makes the folder above meanwhile", () => {
  const folder = join(root, "made/meanwhile");
  vi.mocked(fs.mkdirSync).mockImplementationOnce((path) => {
    fs.mkdirSync(dirname(String(path)));
    throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
  });
  makeFolder(folder);
  expect(fs.statSync(folder).isDirectory()).toBe(true);
});

it("refuses to go through a file", () => {
  fs.writeFileSync(join(root, "file"), "");
  expect(() => makeFolder(join(root, "file"))).toThrow(/EEXIST/);
  expect(() => makeFolder(join(root, "file/below"))).toThrow(/ENOTDIR/);
});

it.runIf(process.platform === "linux")("ends where a system makes no folders", () => {
  expect(() => makeFolder("/proc/timmc/below")).toThrow(/ENOENT/);
});
