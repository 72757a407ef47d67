import { describe, expect, it } from "vitest";
import { supportedFamilies } from "../../../src/zoo/registry.ts";
import { check } from "../run.ts";
import { expectations } from "../sample.ts";

/** Part `index` of `parts` of all records with numbers, alone and in a batch of three different images. */
export function checkRecords(index: number, parts: number): void {
  const families = supportedFamilies.map(
    (family) => [family, expectations(family).filter((_, i) => i % parts === index)] as const,
  );
  // vitest takes a suite without tests for a failure: a family with one record is in one part alone.
  describe.each(families.filter(([, records]) => records.length > 0))(
    "%s computes what timm computes",
    (_, records) => {
      it.each(records)("$name", async (expected) => {
        expect(await check(expected, { batch: 3 })).toEqual([]);
      });
    },
  );
}
