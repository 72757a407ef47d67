import { describe, expect, it } from "vitest";
import { supportedFamilies } from "../../src/zoo/registry.ts";
import { allowed } from "./compare.ts";
import { check, movements } from "./run.ts";
import { expectations, sample, work } from "./sample.ts";
import { looseOutputs, stableTaps, standingOf, undecidableOutputs } from "./rounding.ts";

/** Milliseconds: many times what a record takes on an idle machine. */
const timeout = 300_000;

/** A sample of the records; `npm run test:oracle` checks all of them, in batches too. */
describe.each(supportedFamilies)("%s computes what timm computes", (family) => {
  it.each(sample(family, { full: 1, features: 1, options: 2 }))(
    "$name",
    async (expected) => {
      expect(await check(expected)).toEqual([]);
    },
    timeout,
  );
});

describe("outputs that rounding decides", () => {
  const byWork = supportedFamilies.flatMap(expectations).toSorted((a, b) => work(a) - work(b));
  const listed = [...looseOutputs, ...undecidableOutputs].flatMap(({ records, taps }) =>
    taps.map((tap) => {
      const has = byWork.find(({ name, outputs }) => records.test(name) && outputs.some(([output]) => output === tap));
      return { records, tap, cheapest: has };
    }),
  );

  const named = (lists: typeof looseOutputs): string[] =>
    lists.flatMap(({ records, taps }) =>
      byWork.filter(({ name }) => records.test(name)).flatMap(({ name }) => taps.map((tap) => `${name}: ${tap}`)),
    );

  it.each(listed)("$tap of $records is on record", ({ cheapest }) => {
    expect(cheapest).toBeDefined();
  });

  it("are on one list", () => {
    const loose = new Set(named(looseOutputs));
    expect(named(undecidableOutputs).filter((name) => loose.has(name))).toEqual([]);
  });

  it("leave a batch something to be compared by", () => {
    const blind = byWork.filter((expected) => {
      const standings = expected.outputs.map(([tap]) => standingOf(expected, tap));
      return standings.includes("undecidable") && !standings.includes("exact") && stableTaps(expected).length === 0;
    });
    expect(blind.map(({ name }) => name)).toEqual([]);
  });

  /** `check` finds fault with a listed output that moves too little for its list, or too much. */
  it.each([...new Set(listed.flatMap(({ cheapest }) => cheapest ?? []))])(
    "move, of $name",
    async (expected) => {
      expect(await check(expected)).toEqual([]);
    },
    timeout,
  );

  it("are not those of other networks", async () => {
    const [expected] = sample("mobilenetv3", { full: 1, features: 0, options: 0 });
    if (expected === undefined) throw new RangeError("no sample");
    const moved = await movements(expected);
    for (const [tap, record] of expected.outputs) expect(moved.get(tap)).toBeLessThan(allowed(record) / 20);
  });
});
