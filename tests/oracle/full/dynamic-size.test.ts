import { describe, expect, it } from "vitest";
import { type Comparison, compareSizes } from "../../dynamic/compare.ts";
import { document, sweep } from "../../dynamic/document.ts";
import { sample } from "../../dynamic/sample.ts";

const comparisons: Comparison[] = [];

/** `npm run dynamic` writes the document of what this finds. */
describe("dynamic sizes", () => {
  it.each(sample)("of %s compute what the static compile computes", async (architecture) => {
    const comparison = await compareSizes(architecture);
    comparisons.push(comparison);
    expect(comparison.results.map(({ fault }) => fault)).toEqual(comparison.results.map(() => null));
    expect(comparison.results.length).toBeGreaterThanOrEqual(5);
  });

  it("are as docs/dynamic-size.md says", async () => {
    await expect(document(await sweep(), comparisons)).toMatchFileSnapshot("../../../docs/dynamic-size.md");
  });
});
