import { expect, test } from "vitest";
import { unwrapped } from "../../../src/frontend/weights/unwrapped.ts";
import { f32Data, fakeSource } from "./fake-source.ts";

const source = (...keys: string[]) =>
  fakeSource(Object.fromEntries(keys.map((key, i) => [key, f32Data([1], [i])] as const)));

test("wrappers are taken off, one of each, in this order", () => {
  const under = unwrapped(source("module.a", "module._orig_mod.b", "_orig_mod.c", "module.module.d", "e"));
  expect([...under.keys()]).toEqual(["a", "b", "c", "module.d", "e"]);
  expect(under.get("b")?.shape).toEqual([1]);
  expect(under.get("module.a")).toBeUndefined();
});

test("a file without wrappers is itself", () => {
  const plain = source("a", "module_b");
  expect(unwrapped(plain)).toBe(plain);
});

test("two keys of one name are refused", () => {
  expect(() => unwrapped(source("module.a", "a"))).toThrow("two entries have this name");
});
