import { describe, expect, it } from "vitest";
import { supportedFamilies } from "../../../src/zoo/registry.ts";
import { check } from "../run.ts";
import { expectations } from "../sample.ts";

/** Part `index` of `parts` of all records with numbers, alone and in a batch of three different images. */
export function checkRecords(index: number, parts: number): void {
  describe.each(supportedFamilies)("%s computes what timm computes", (family) => {
    it.each(expectations(family).filter((_, i) => i % parts === index))("$name", async (expected) => {
      expect(await check(expected, { batch: 3 })).toEqual([]);
    });
  });
}
