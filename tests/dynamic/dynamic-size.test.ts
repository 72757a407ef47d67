import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compareSizes } from "./compare.ts";
import { multipleOf } from "./document.ts";
import { quick, sample } from "./sample.ts";

const text = readFileSync(join(import.meta.dirname, "../../docs/dynamic-size.md"), "utf8");

/** Two sizes of the quick ones; `npm run dynamic` compares five of the whole sample. */
describe("a dynamic artifact is the static one of every size", () => {
  it.each(quick)("%s", async (architecture) => {
    const { results } = await compareSizes(architecture, { count: 2 });
    expect(results.map(({ fault }) => fault)).toEqual([null, null]);
  });
});

describe("docs/dynamic-size.md", () => {
  it.each(sample)("says the multiple of %s", async (architecture) => {
    const multiple = await multipleOf(architecture);
    expect(text).toMatch(new RegExp(`^\\| ${architecture} \\| \\w+ \\| ${multiple} \\|`, "m"));
  });
});
