import { describe, expect, it } from "vitest";
import { resolveTaps, selectStages } from "../../src/frontend/taps.ts";
import { lowerArchitecture } from "../../src/zoo/lower.ts";
import { loadFamily } from "../../src/zoo/registry.ts";

describe("the stages of features_only", () => {
  it("are the last n, where there are as many, as timm asserts", () => {
    expect(selectStages(5, undefined, undefined)).toEqual([0, 1, 2, 3, 4]);
    expect(selectStages(5, undefined, 5)).toEqual([0, 1, 2, 3, 4]);
    expect(selectStages(12, 3, undefined)).toEqual([9, 10, 11]);
    expect(selectStages(3, 3, undefined)).toEqual([0, 1, 2]);
    expect(selectStages(5, undefined, [-1, 0])).toEqual([4, 0]);
    expect(() => selectStages(5, undefined, 6)).toThrow("there is no stage 6");
    expect(() => selectStages(5, undefined, [5])).toThrow("there is no stage 5");
    expect(() => selectStages(5, undefined, [-6])).toThrow("there is no stage -6");
  });

  it("are refused by default where the network has fewer, but only if asked for", async () => {
    const family = await loadFamily("vision_transformer");
    if (family === undefined) throw new Error("no vision_transformer");
    const lowered = lowerArchitecture(family, "vit_tiny_patch16_224", { depth: 2 }, [3, 224, 224]);
    const stages = selectStages(2, family.lastStages, undefined);
    expect(resolveTaps(lowered, ["logits"], stages)).toHaveLength(1);
    expect(() => resolveTaps(lowered, ["features"], stages)).toThrow("more stages than the 2 that there are");
    expect(resolveTaps(lowered, ["features"], selectStages(2, family.lastStages, 2))).toHaveLength(2);
  });

  it("are none of a network without stages, in one sentence", async () => {
    const family = await loadFamily("crossvit");
    if (family === undefined) throw new Error("no crossvit");
    const lowered = lowerArchitecture(family, "crossvit_9_240", { img_size: [240, 240] }, [3, 240, 240]);
    const none = expect.objectContaining({ message: "this architecture has no feature stages", hint: undefined });
    for (const tap of ["features", "features.0"]) expect(() => resolveTaps(lowered, [tap], [])).toThrow(none);
    for (const outIndices of [1, [0]]) expect(() => selectStages(0, undefined, outIndices)).toThrow(none);
    expect(selectStages(0, 4, undefined)).toEqual([]);
  });
});
