import { describe, expect, it } from "vitest";
import { supportedFamilies } from "../../src/zoo/registry.ts";
import { check, sensitiveTaps } from "./run.ts";
import { expectations, sample } from "./sample.ts";
import { unstable } from "./unstable.ts";

/** A sample of the records; `npm run test:oracle` checks all of them, in batches too. */
describe.each(supportedFamilies)("%s computes what timm computes", (family) => {
  it.each(sample(family, { full: 4, features: 3, options: 8 }))("$name", async (expected) => {
    expect(await check(expected)).toEqual([]);
  });
});

describe("what is not compared", () => {
  const all = new Map(supportedFamilies.flatMap(expectations).map((e) => [e.name, e]));

  it.each(Object.entries(unstable))("%s is moved by the last bit of the input", async (name, taps) => {
    const expected = all.get(name);
    if (expected === undefined) throw new RangeError(`there is no record ${name}`);
    expect(await sensitiveTaps(expected)).toEqual(expect.arrayContaining([...taps]));
  });
});
