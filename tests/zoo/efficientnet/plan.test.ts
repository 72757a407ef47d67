import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BlockSpec, decodeStages } from "../../../src/zoo/efficientnet/block-string.ts";
import { planBlocks } from "../../../src/zoo/efficientnet/plan.ts";

const rules = { outputStride: 32, round: (c: number) => c, seFromExpansion: false };
const plan = (strings: readonly (readonly string[])[], changed: Partial<typeof rules> = {}) =>
  planBlocks(16, decodeStages(strings), { ...rules, ...changed });

describe("a plan of blocks", () => {
  const mobile = [
    ["ds_r1_k3_s1_c16"],
    ["ir_r2_k3_s2_e6_c24"],
    ["ir_r2_k5_s2_e6_c40"],
    ["ir_r1_k3_s2_e6_c80"],
    ["ir_r1_k3_s1_e6_c112"],
    ["ir_r2_k3_s2_e6_c160"],
  ];

  it("takes features before every stride and at the end", () => {
    expect(plan(mobile).features).toEqual([
      { stage: 1, channels: 16, reduction: 2 },
      { stage: 2, channels: 24, reduction: 4 },
      { stage: 3, channels: 40, reduction: 8 },
      { stage: 5, channels: 112, reduction: 16 },
      { stage: 6, channels: 160, reduction: 32 },
    ]);
  });

  it("takes the stem where the first stage has a stride", () => {
    const features = plan([["cn_r1_k3_s2_c32"], ["cn_r1_k1_s1_c64"]]).features;
    expect(features).toEqual([
      { stage: 0, channels: 16, reduction: 2 },
      { stage: 2, channels: 64, reduction: 4 },
    ]);
  });

  it("turns strides beyond the output stride into dilation, from the block after", () => {
    const blocks = plan(mobile, { outputStride: 8 }).stages.flat();
    expect(blocks.map((b) => b.stride)).toEqual([1, 2, 1, 2, 1, 1, 1, 1, 1]);
    expect(blocks.map((b) => b.dilation)).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 4]);
    expect(plan(mobile, { outputStride: 8 }).features.map((f) => f.reduction)).toEqual([2, 4, 8, 8, 8]);
  });

  it("multiplies channels by four between space-to-depth and the stride that it took", () => {
    const [stage0 = [], stage1 = []] = plan([["ds_r2_k3_s1_c16_se0.25_d1"], ["er_r2_k3_s2_e6_c24_se0.25"]]).stages;
    expect(stage0.map((b) => [b.out, b.entersS2d, b.seRatio])).toEqual([
      [64, true, 0.0625],
      [64, false, 0.25],
    ]);
    expect(stage1.map((b) => [b.in, b.out, b.stride, "expansion" in b && b.expansion])).toEqual([
      [64, 24, 1, 1.5],
      [24, 24, 1, 6],
    ]);
    expect(stage1.map((b) => b.seRatio)).toEqual([0.25 / 1.5, 0.25 / 6]);
  });

  it("keeps the ratio of squeeze-excite where it is of the expanded width", () => {
    const [block] = plan([["ir_r1_k3_s1_e6_c24_se0.25"]], { seFromExpansion: true }).stages.flat();
    expect(block?.seRatio).toBe(0.25);
  });

  it("chains channels, and covers as many pixels as its strides and dilations say", () => {
    const block = fc.record({ stride: fc.constantFrom(1, 2), out: fc.integer({ min: 1, max: 9 }) });
    const stages = fc.array(fc.array(block, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(stages, fc.constantFrom(2, 4, 8, 16, 32, 64), (drawn, outputStride) => {
        const specs = drawn.map((stage) =>
          stage.map((b): BlockSpec => ({
            ...b,
            type: "cn",
            kernel: 3,
            skip: false,
            act: undefined,
            groupSize: undefined,
          })),
        );
        const { stages: placed, channels } = planBlocks(16, specs, { ...rules, outputStride });
        const blocks = placed.flat();
        expect(blocks.map((b) => b.in)).toEqual([16, ...blocks.slice(0, -1).map((b) => b.out)]);
        expect(channels).toBe(blocks.at(-1)?.out);
        const stride = blocks.reduce((product, b) => product * b.stride, 2);
        expect(stride).toBeLessThanOrEqual(Math.max(outputStride, 2));
        const designed = drawn.reduce((product, [first]) => product * (first?.stride ?? 1), 2);
        expect(stride).toBe(Math.min(designed, outputStride));
      }),
    );
  });
});
