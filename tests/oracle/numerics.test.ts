import { describe, expect, it } from "vitest";
import { supportedFamilies } from "../../src/zoo/registry.ts";
import { check } from "./run.ts";
import { sample } from "./sample.ts";

/** A sample of the records; `npm run test:oracle` checks all of them, in batches too. */
describe.each(supportedFamilies)("%s computes what timm computes", (family) => {
  it.each(sample(family, { full: 4, features: 3, options: 8 }))("$name", async (expected) => {
    expect(await check(expected)).toEqual([]);
  });
});
