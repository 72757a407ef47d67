import { array, assert, constantFrom, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { costOf, parseShard, shardOf } from "../../../src/driver/build/shard.ts";
import type { Variant } from "../../../src/driver/build/variant.ts";
import { TimmcError } from "../../../src/ir/error.ts";

const models = ["resnet18", "vgg16", "vit_large_patch16_224", "mobilenetv3_small_050", "hf-hub:a/b", "local-dir:none"];
const variants = array(constantFrom(...models), { minLength: 1, maxLength: 60 }).map((list) =>
  list.map((model, i): Variant => ({ name: `v${i}`, fields: { model } })),
);

describe("shards", () => {
  it("are disjoint, complete, in order, and the same however often they are cut", () => {
    assert(
      property(variants, integer({ min: 1, max: 9 }), (all, of) => {
        const shards = Array.from({ length: of }, (_, i) => shardOf(all, { index: i + 1, of }, "."));
        const names = shards.flat().map((v) => v.name);
        expect(names.toSorted()).toEqual(all.map((v) => v.name).toSorted());
        for (const shard of shards) expect(shard).toEqual(all.filter((v) => shard.includes(v)));
        expect(
          shardOf(all.toReversed(), { index: 1, of }, ".")
            .map((v) => v.name)
            .toSorted(),
        ).toEqual(shards[0]?.map((v) => v.name).toSorted());
      }),
    );
  });

  it("differ by no more than the costliest variant", () => {
    assert(
      property(variants, integer({ min: 1, max: 5 }), (all, of) => {
        const cost = (list: readonly Variant[]): number => list.reduce((n, v) => n + costOf(v, "."), 0);
        const loads = Array.from({ length: of }, (_, i) => cost(shardOf(all, { index: i + 1, of }, ".")));
        const costliest = Math.max(...all.map((v) => costOf(v, ".")));
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(costliest + 1e-9);
      }),
    );
  });

  it("are asked for as K/N", () => {
    expect(parseShard("2/3")).toEqual({ index: 2, of: 3 });
    for (const text of ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", "1/3x"])
      expect(() => parseShard(text)).toThrow(TimmcError);
  });
});
