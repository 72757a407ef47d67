import { describe, expect, it } from "vitest";
import { supportedFamilies } from "../../src/zoo/registry.ts";
import { allowed } from "./compare.ts";
import { check, movements } from "./run.ts";
import { expectations, sample } from "./sample.ts";
import { isUnstable } from "./unstable.ts";

/** A sample of the records; `npm run test:oracle` checks all of them, in batches too. */
describe.each(supportedFamilies)("%s computes what timm computes", (family) => {
  it.each(sample(family, { full: 4, features: 3, options: 8 }))("$name", async (expected) => {
    expect(await check(expected)).toEqual([]);
  });
});

describe("outputs that rounding decides", () => {
  const unstable = supportedFamilies
    .flatMap(expectations)
    .filter((e) => e.kind !== "options" && e.outputs.some(([tap]) => isUnstable(e, tap)));

  it.each(unstable)("of $name move with the last bit of the input", async (expected) => {
    const moved = await movements(expected);
    const [tap = "", record] = expected.outputs.find(([name]) => isUnstable(expected, name)) ?? [];
    expect(moved.get(tap)).toBeGreaterThan(record === undefined ? Infinity : allowed(record));
  });

  it("are not those of other networks", async () => {
    const [expected] = sample("mobilenetv3", { full: 1, features: 0, options: 0 });
    if (expected === undefined) throw new RangeError("no sample");
    const moved = await movements(expected);
    for (const [tap, record] of expected.outputs) expect(moved.get(tap)).toBeLessThan(allowed(record) / 20);
  });
});
