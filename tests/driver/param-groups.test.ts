import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { type ParamGroup, paramGroups } from "../../src/driver/param-groups.ts";
import { blockGroup, groupParameters, stemGroup } from "../../src/zoo/groups.ts";

/** [parameters, first name, last name] of each group, made by timm's group_with_matcher; names in alphabetical order. */
type Recorded = readonly (readonly [count: number, first: string, last: string])[];
const recorded = JSON.parse(readFileSync(new URL("data/param-groups.json", import.meta.url), "utf8")) as Readonly<
  Record<string, { readonly coarse: Recorded; readonly fine: Recorded }>
>;

const summary = (groups: readonly ParamGroup[]): Recorded =>
  groups.map(({ parameters }) => {
    const names = [...parameters].sort();
    return [names.length, names[0] ?? "", names.at(-1) ?? ""];
  });

describe("groups are timm's", () => {
  test.each(Object.entries(recorded))("%s", async (model, want) => {
    const { coarse, fine } = paramGroups(await lowerRequest({ model, taps: ["logits"] }));
    expect(summary(coarse)).toEqual(want.coarse);
    expect(summary(fine)).toEqual(want.fine);
  });
});

test("groups say the modules that they hold whole", async () => {
  const { coarse, fine } = paramGroups(await lowerRequest({ model: "resnet18" }));
  expect(coarse.map((g) => g.modules.join())).toEqual(["conv1,bn1", "layer1", "layer2", "layer3", "layer4", "fc"]);
  expect(coarse.map((g) => g.kinds.join())).toEqual(["stem", "blocks", "blocks", "blocks", "blocks", "head"]);
  expect(fine[1]?.modules).toEqual(["layer1.0"]);
});

test("what belongs to the group before it joins the last block, not the head", () => {
  const rules = [stemGroup(/stem/), blockGroup(/blocks\.(\d+)/), blockGroup(/norm/, "last")];
  const names = ["head.weight", "norm.weight", "blocks.10.w", "blocks.9.w", "stem.w", "prenorm.w"];
  const groups = groupParameters(
    names.map((name) => ({ name })),
    rules,
  );
  expect(groups.map((g) => g.parameters.map((p) => p.name))).toEqual([
    ["stem.w"],
    ["blocks.9.w"],
    ["blocks.10.w", "norm.weight"],
    ["head.weight", "prenorm.w"],
  ]);
});
