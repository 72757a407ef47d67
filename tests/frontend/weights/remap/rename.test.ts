import { describe, expect, test } from "vitest";
import { remapWeights, targetOf } from "../../../../src/frontend/weights/remap/remap.ts";
import type { Step } from "../../../../src/zoo/remap/remap.ts";
import { rename } from "../../../../src/zoo/remap/steps.ts";
import { type Plain, sourceOf } from "./network.ts";

const one: Plain = { shape: [1], values: Float32Array.of(1) };

const names = (keys: readonly string[], ...tail: readonly Step[]): string[] => {
  const source = sourceOf(new Map(keys.map((key) => [key, one])));
  return [...remapWeights(source, { layouts: [], tail }, targetOf([])).source.keys()];
};

describe("a rename", () => {
  test.each<readonly [string, RegExp]>([
    ["without a flag", /attn(\d)/],
    ["with the global flag", /attn(\d)/g],
    ["that ignores case", /ATTN(\d)/i],
  ])("%s changes every match in a name, as timm's replacements do", (_, from) => {
    const keys = ["attn1.attn2.weight", "x.attn3", "attn"];
    const wanted = ["mixer1.mixer2.weight", "x.mixer3", "attn"];
    expect(names(keys, rename(from, "mixer$1"))).toEqual(wanted);
    expect(
      names(
        keys,
        rename(from, ([, n = ""]) => `mixer${n}`),
      ),
    ).toEqual(wanted);
    // Steps are shared between files: nothing is kept from the last name.
    const step = rename(from, "mixer$1");
    expect(names(keys, step)).toEqual(names(keys, step));
  });

  test("at the start of a name changes that alone", () => {
    expect(names(["a.a.b"], rename(/^a\./, "c."))).toEqual(["c.a.b"]);
  });

  test("can ask for the names of the file as they are before it", () => {
    const keys = ["a.q", "a.k", "b.q"];
    const step = rename(/^(\w)\.q$/, ([all = "", n = ""], file) => (file.has(`${n}.k`) ? `${n}.query` : all));
    expect(names(keys, step)).toEqual(["a.query", "a.k", "b.q"]);
  });
});
