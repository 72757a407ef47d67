import { describe, expect, it } from "vitest";
import { TimmcError } from "../../../src/ir/error.ts";
import efficientnet from "../../../src/zoo/efficientnet/efficientnet.ts";
import type { Family } from "../../../src/zoo/family.ts";
import { type LoweredModel, lowerArchitecture } from "../../../src/zoo/lower.ts";
import mobilenetv3 from "../../../src/zoo/mobilenetv3/mobilenetv3.ts";
import { readArgs } from "../../../src/zoo/schema.ts";

type Args = Readonly<Record<string, unknown>>;

const lower = (family: Family, arch: string, args: Args, channels = 3): LoweredModel =>
  lowerArchitecture(family, arch, readArgs(family.args, arch, args), [channels, 64, 64]);

function refusal(family: Family, arch: string, args: Args): string {
  try {
    lower(family, arch, args);
  } catch (error) {
    if (error instanceof TimmcError) return error.message;
    throw error;
  }
  return "accepted";
}

const shapeOf = (model: LoweredModel, name: string): readonly number[] | undefined =>
  model.parameters.find((p) => p.name === name)?.shape;

describe("efficientnet", () => {
  const refused = (arch: string, args: Args): string => refusal(efficientnet, arch, args);

  it("refuses a second value for what the entry function passes, and what its generator lacks", () => {
    expect(refused("efficientnet_b0", { channel_multiplier: 1 })).toContain("the architecture sets it");
    expect(refused("efficientnet_b0", { num_features: 640 })).toContain("the architecture sets it");
    expect(refused("efficientnet_b0_gn", { norm_layer: "batchnorm2d" })).toContain("the architecture sets it");
    expect(refused("efficientnet_blur_b0", { aa_layer: "avg" })).toContain("the architecture sets it");
    expect(refused("mnasnet_100", { group_size: 8 })).toContain("takes none");
    expect(refused("efficientnetv2_s", { channel_divisor: 16 })).toContain("takes none");
  });

  it("takes what the entry function leaves open", () => {
    expect(shapeOf(lower(efficientnet, "mnasnet_100", { num_features: 640 }), "conv_head.weight")).toEqual([
      640, 320, 1, 1,
    ]);
    const wider = lower(efficientnet, "test_efficientnet", { channel_multiplier: 2, depth_multiplier: 2 });
    expect(shapeOf(wider, "blocks.4.1.conv_pwl.weight")).toEqual([128, 512, 1, 1]);
    const grouped = lower(efficientnet, "efficientnet_b0", { group_size: 16 });
    expect(shapeOf(grouped, "blocks.1.0.conv_dw.weight")).toEqual([96, 16, 3, 3]);
    expect(shapeOf(lower(efficientnet, "mobilenetv1_100", { head_conv: true }), "conv_head.weight")).toEqual([
      1024, 1024, 1, 1,
    ]);
    expect(shapeOf(lower(efficientnet, "mobilenetv2_100", { fix_stem_head: true }), "conv_stem.weight")?.[0]).toBe(32);
  });

  it("takes a norm or an eps of batch norm, not both", () => {
    expect(refused("efficientnet_b0", { norm_layer: "GroupNorm_1" })).toBe("accepted");
    expect(refused("efficientnet_b0", { norm_layer: "groupnorm1", bn_eps: 1e-3 })).toContain("without norm_layer");
    expect(refused("efficientnet_b0", { norm_layer: "groupnorm1", bn_momentum: 0.1 })).toContain("without norm_layer");
    expect(refused("tf_efficientnet_b0", { norm_layer: "groupnorm1" })).toContain("without norm_layer");
    expect(refused("test_efficientnet_gn", { norm_layer: "evonormb0" })).toBe("accepted");
    expect(refused("efficientnet_b0", { norm_layer: "groupnorm" })).toContain("do not divide");
    expect(refused("efficientnet_b0", { norm_layer: "layernorm" })).toContain("takes");
  });

  it("takes feature_location and pooling away as timm's networks do", () => {
    expect(refused("efficientnet_b0", { feature_location: "expansion" })).toContain("features_only=true");
    expect(refused("efficientnet_b0", { global_pool: "" })).toContain("num_classes=0");
    expect(refused("efficientnet_b0", { global_pool: "", features_only: true })).toBe("accepted");
    const { stages } = lower(efficientnet, "test_efficientnet", {
      feature_location: "depthwise",
      features_only: true,
    }).model;
    expect(stages.map((s) => [s.module, s.value.type.shape[1]])).toEqual([
      ["blocks.0.0.bn1", 16],
      ["blocks.1.0.conv_pwl", 64],
      ["blocks.2.0.conv_pwl", 96],
      ["blocks.3.0.conv_pwl", 128],
      ["blocks.4.0.conv_pwl", 192],
    ]);
  });

  it("puts anti-aliasing after the activation, and refuses it where timm sizes it wrong", () => {
    const blurred = lower(efficientnet, "efficientnet_b0", { aa_layer: "blur" });
    expect(blurred.modules.get("blocks.1.0.bn2")?.[0]?.type.shape.slice(2)).toEqual([32, 32]);
    expect(blurred.modules.get("blocks.1.0.aa")?.[0]?.type.shape.slice(2)).toEqual([16, 16]);
    expect(refused("mobilenetv1_100", { aa_layer: "blur" })).toContain("timm's blur is for 128 channels");
    expect(refused("mobilenetv1_100", { aa_layer: "avg" })).toBe("accepted");
  });

  it("loses the stride of conditional blocks to anti-aliasing that never runs", () => {
    const plain = lower(efficientnet, "efficientnet_cc_b0_4e", {}).model.stages.at(-1);
    const blurred = lower(efficientnet, "efficientnet_cc_b0_4e", { aa_layer: "avg" }).model.stages.at(-1);
    expect([plain, blurred].map((stage) => stage?.value.type.shape[2])).toEqual([2, 4]);
    expect([plain, blurred].map((stage) => stage?.reduction)).toEqual([32, 32]);
  });

  it("replaces squeeze-excite by name", () => {
    const eca = lower(efficientnet, "efficientnet_b0", { se_layer: "eca" });
    expect(shapeOf(eca, "blocks.1.0.se.conv.weight")).toEqual([1, 1, 3]);
    const se = lower(efficientnet, "efficientnet_b0", { se_layer: "se" });
    expect(shapeOf(se, "blocks.1.0.se.fc1.weight")).toEqual([8, 96, 1, 1]);
    expect(
      shapeOf(lower(efficientnet, "efficientnet_b0", { se_layer: "gca" }), "blocks.1.0.se.mlp_add.fc1.weight"),
    ).toEqual([4, 96, 1, 1]);
  });

  it("keeps pruned networks as their file has them", () => {
    const pruned = lower(efficientnet, "efficientnet_b1_pruned", {});
    expect(shapeOf(pruned, "blocks.5.0.se.conv_reduce.weight")).toEqual([27, 637, 1, 1]);
    expect(pruned.model.stages[1]?.channels).toBe(24);
    expect(pruned.model.stages[1]?.value.type.shape[1]).toBe(12);
    for (const args of [{ norm_layer: "frn" }, { in_chans: 1 }, { global_pool: "catavgmax" }, { aa_layer: "blur" }])
      expect(refused("efficientnet_b1_pruned", args)).not.toBe("accepted");
  });
});

describe("mobilenetv3", () => {
  const refused = (arch: string, args: Args): string => refusal(mobilenetv3, arch, args);

  it("takes output_stride for feature networks alone", () => {
    expect(refused("mobilenetv3_large_100", { output_stride: 16 })).toContain("features_only=true");
    const { stages } = lower(mobilenetv3, "mobilenetv3_large_100", { output_stride: 8, features_only: true }).model;
    expect(stages.map((s) => s.reduction)).toEqual([2, 4, 8, 8, 8]);
    expect(stages.at(-1)?.value.type.shape.slice(1)).toEqual([960, 8, 8]);
  });

  it("counts the stem as a stage that feature_location=expansion does not reach", () => {
    const { stages } = lower(mobilenetv3, "mobilenetv4_conv_small", {
      feature_location: "expansion",
      features_only: true,
    }).model;
    expect(stages.map((s) => s.refused !== undefined)).toEqual([true, false, false, false, false]);
    expect(stages.map((s) => s.module)).toEqual([
      "bn1",
      "blocks.0.1.bn1",
      "blocks.1.1.bn1",
      "blocks.2.5.pw_proj.conv",
      "blocks.4.0.bn1",
    ]);
  });

  it("says that squeeze-excite by name does nothing where no block has any", () => {
    const { notices } = lower(mobilenetv3, "mobilenetv4_conv_small", { se_layer: "eca" });
    expect(notices.join()).toContain("se_layer has no effect");
    expect(refused("mobilenetv3_large_100", { se_layer: "eca" })).toContain("the architecture sets it");
    expect(refused("mobilenetv4_conv_small", { layer_scale_init_value: 1 })).toContain("the architecture sets it");
  });

  it("builds the head with a bias, or with a norm", () => {
    const names = (args: Args): string =>
      lower(mobilenetv3, "mobilenetv3_small_100", args)
        .parameters.map((p) => p.name)
        .filter((n) => n.startsWith("conv_head") || n === "norm_head.weight")
        .join();
    expect(names({})).toBe("conv_head.weight,conv_head.bias");
    expect(names({ head_bias: false })).toBe("conv_head.weight");
    expect(names({ head_norm: true })).toBe("conv_head.weight,norm_head.weight");
  });

  it("rounds FBNetV3's squeeze-excite by the network's own rule", () => {
    const wide = lower(mobilenetv3, "fbnetv3_b", { channel_multiplier: 2 });
    // 48 channels expanded to 240, a quarter of the 48 left, and the rounding multiplies once more: 12 x 2.
    expect(shapeOf(wide, "blocks.2.0.se.conv_reduce.weight")).toEqual([24, 240, 1, 1]);
  });
});
