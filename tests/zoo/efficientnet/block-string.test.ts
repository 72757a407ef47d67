import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TimmcError } from "../../../src/ir/error.ts";
import { decodeBlock, decodeStages, scaleDepths } from "../../../src/zoo/efficientnet/block-string.ts";

describe("a block string", () => {
  it("names the fields of an inverted residual in any order", () => {
    const inverted = {
      type: "ir",
      kernel: [3, 5, 7],
      expandKernel: [1, 1],
      projectKernel: 1,
      expansion: 2.5,
      out: 24,
      stride: 2,
      se: 0.25,
      act: "relu6",
      noskip: true,
      s2d: false,
      experts: 4,
      groupSize: undefined,
    };
    const text = "ir_r3_k3.5.7_a1.1_s2_e2.5_c24_se0.25_nr6_noskip_cc4";
    const shuffled = "ir_cc4_noskip_nr6_se0.25_c24_e2.5_s2_a1.1_k3.5.7_r3";
    expect(decodeBlock(text)).toEqual({ block: inverted, repeats: 3 });
    expect(decodeBlock(shuffled)).toEqual(decodeBlock(text));
  });

  it("gives every type its own defaults", () => {
    expect(decodeBlock("dsa_r1_k3_s1_c16").block).toMatchObject({
      type: "ds",
      pointwiseAct: true,
      noskip: true,
      se: 0,
    });
    expect(decodeBlock("ds_r1_k3_s1_c16_d1_nsw").block).toMatchObject({ act: "swish", noskip: false, s2d: true });
    expect(decodeBlock("cn_r1_k1_s1_c16").block).toMatchObject({ skip: false });
    expect(decodeBlock("cn_r1_k1_s1_c16_skip").block).toMatchObject({ skip: true });
    expect(decodeBlock("er_r1_k3_s1_e4_c24_fc24_gs64").block).toMatchObject({ forceIn: 24, groupSize: 64 });
    expect(decodeBlock("uir_r1_a3_k0_s1_e4_c80").block).toMatchObject({ startKernel: 3, kernel: 0, endKernel: 0 });
    expect(decodeBlock("mqa_r1_k3_h4_s1_v2_d64_c160").block).toMatchObject({ heads: 4, keyDim: 64, kvStride: 2 });
  });

  it("is refused where it says too little or nothing known", () => {
    for (const text of ["ir_r1_k3_s1_c16", "cn_r1_k3_s1", "xx_r1_k3_s1_c16", "mqa_r1_k3_s1_c16_h4", "ds_k3_s1_c16"])
      expect(() => decodeBlock(text)).toThrow(TimmcError);
  });
});

describe("stages", () => {
  it("keep the first and the last as they are where told, and give their blocks groups and experts", () => {
    const stages = [["ds_r1_k3_s1_c16"], ["ir_r2_k3_s2_e6_c24_cc4", "er_r1_k3_s1_e4_c24_gs8"], ["cn_r1_k1_s1_c96"]];
    const scaling = { depthMultiplier: 2, fixFirstLast: true, groupSize: 4, expertsMultiplier: 2 };
    const decoded = decodeStages(stages, scaling);
    expect(decoded.map((stage) => stage.length)).toEqual([1, 6, 1]);
    expect(decoded[1]?.map((b) => b.groupSize)).toEqual([4, 4, 4, 4, 8, 8]);
    expect(decoded[1]?.[0]).toMatchObject({ experts: 8 });
    expect(decodeStages(stages, { depthMultiplier: [3, 1, 2] }).map((stage) => stage.length)).toEqual([3, 3, 2]);
  });
});

describe("scaled depths", () => {
  // What timm's _scale_stage_depth gives, computed with Python's rounding.
  it.each([
    [[1, 3], 1.2, "round", [1, 4]],
    [[2, 3], 1.3, "ceil", [3, 4]],
    [[1, 1, 2], 1.2, "ceil", [1, 2, 2]],
    [[1, 4], 2.5, "round", [2, 10]],
    [[3, 1], 0.6, "round", [1, 1]],
    [[1, 3, 1, 4], 1.7, "ceil", [2, 5, 2, 7]],
    [[5], 0.5, "round", [2]],
    [[1, 2, 1, 1], 0.5, "ceil", [1, 1, 1, 1]],
  ] as const)("%j times %d, %s", (repeats, multiplier, trunc, expected) => {
    expect(scaleDepths(repeats, multiplier, trunc)).toEqual(expected);
  });

  it("add up to the scaled total where every block can have one", () => {
    const repeats = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(repeats, fc.double({ min: 1, max: 6, noNaN: true }), (r, multiplier) => {
        const total = r.reduce((a, b) => a + b, 0);
        const depths = scaleDepths(r, multiplier, "ceil");
        return depths.length === r.length && depths.reduce((a, b) => a + b, 0) === Math.ceil(total * multiplier);
      }),
    );
  });
});
