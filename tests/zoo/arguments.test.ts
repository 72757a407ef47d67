import { describe, expect, it } from "vitest";
import { TimmcError } from "../../src/ir/error.ts";
import { type LoweredModel, lowerArchitecture } from "../../src/zoo/lower.ts";
import { loadFamily } from "../../src/zoo/registry.ts";
import { readArgs } from "../../src/zoo/schema.ts";

/** Lowers an architecture with arguments as JSON, for a square input. */
async function lower(family: string, arch: string, args: Record<string, unknown>, size = 224): Promise<LoweredModel> {
  const definition = await loadFamily(family);
  if (definition === undefined) throw new Error(`no family ${family}`);
  return lowerArchitecture(definition, arch, readArgs(definition.args, arch, args), [3, size, size]);
}

const refusal = async (...request: Parameters<typeof lower>): Promise<string> => {
  try {
    await lower(...request);
  } catch (error) {
    if (error instanceof TimmcError) return error.message;
    throw error;
  }
  return "accepted";
};

const shapeOf = (model: LoweredModel, name: string): readonly number[] | undefined =>
  model.parameters.find((p) => p.name === name)?.shape;

describe("swin_transformer", () => {
  const swin = "swin_tiny_patch4_window7_224";
  const table = "layers.3.blocks.1.attn.relative_position_bias_table";
  const refused = (args: Record<string, unknown>, size?: number): Promise<string> =>
    refusal("swin_transformer", swin, args, size);

  it("shrinks windows to the map unless always_partition", async () => {
    expect(shapeOf(await lower("swin_transformer", swin, { img_size: 96 }, 96), table)).toEqual([25, 24]);
    const kept = await lower("swin_transformer", swin, { img_size: 96, always_partition: true }, 96);
    expect(shapeOf(kept, table)).toEqual([169, 24]);
  });

  it("reads two windows as one, and as many as stages one by one", async () => {
    const wide = await lower("swin_transformer", swin, { window_size: [7, 5] });
    expect(shapeOf(wide, "layers.0.blocks.0.attn.relative_position_bias_table")).toEqual([13 * 9, 3]);
    const staged = await lower("swin_transformer", swin, { window_size: [7, [4, 5], 7, 7] });
    expect(shapeOf(staged, "layers.1.blocks.0.attn.relative_position_bias_table")).toEqual([7 * 9, 6]);
    expect(await refused({ window_size: [7, 7, 7] })).toContain("3 entries for 4 stages");
  });

  it("refuses sizes that timm's masks do not fit", async () => {
    expect(await refused({}, 256)).toContain("doesn't match");
    expect(await refused({ img_size: 232 }, 232)).toContain("4 windows, and the map has 9");
    expect(await refused({ img_size: 232, strict_img_size: false }, 232)).toBe("accepted");
    expect(await refused({ img_size: 16 }, 16)).toContain("without tokens");
  });

  it("says that arguments of other implementations do nothing, and refuses classes by name", async () => {
    const { notices } = await lower("swin_transformer", swin, { ape: true });
    expect(notices.join()).toContain("ape has no effect");
    expect(await refused({ norm_layer: "layernorm" })).toContain("Python class");
  });
});

describe("convnext", () => {
  const refused = (args: Record<string, unknown>, arch = "convnext_tiny"): Promise<string> =>
    refusal("convnext", arch, args, 64);

  it("refuses heads that cannot be", async () => {
    expect(await refused({ global_pool: "catavgmax" })).toContain("doubles the channels");
    expect(await refused({ global_pool: "catavgmax", head_norm_first: true })).toBe("accepted");
    expect(await refused({ global_pool: "" })).toBe("accepted");
    expect(await refused({ global_pool: "", head_norm_first: true })).toContain("num_classes=0");
    expect(await refused({ head_norm_first: true }, "convnext_large_mlp")).toContain("head_hidden_size");
  });

  it("takes norms of maps only with conv_mlp", async () => {
    expect(await refused({ norm_layer: "batchnorm2d" })).toContain("conv_mlp=true");
    expect(await refused({ norm_layer: "batchnorm2d", conv_mlp: true })).toBe("accepted");
    expect(await refused({ norm_layer: "Batch_Norm", conv_mlp: true })).toBe("accepted");
    expect(await refused({ norm_layer: "rmsnorm" })).toBe("accepted");
    expect(await refused({ norm_layer: "RMSNorm", conv_mlp: true })).toContain("takes");
  });

  it("turns every linear layer of the head into a convolution without a pool", async () => {
    const model = await lower("convnext", "convnext_tiny", { global_pool: "", head_hidden_size: 32 }, 64);
    expect(shapeOf(model, "head.pre_logits.fc.weight")).toEqual([32, 768, 1, 1]);
    expect(model.model.logits[0]?.type.shape.slice(1)).toEqual([1000, 2, 2]);
  });
});

describe("vgg", () => {
  const refused = (args: Record<string, unknown>): Promise<string> => refusal("vgg", "vgg11", args, 96);

  it("refuses what timm takes as a class, strides other than 32, and a map for the classifier", async () => {
    expect(await refused({ act_layer: "silu" })).toContain("Python class");
    expect(await refused({ output_stride: 16 })).toContain("takes 32");
    expect(await refused({ global_pool: "" })).toContain("num_classes=0");
    expect(await refused({ global_pool: "", num_classes: 0 })).toBe("accepted");
  });
});

describe("resnet", () => {
  const refused = (args: Record<string, unknown>, arch = "resnet18"): Promise<string> =>
    refusal("resnet", arch, args, 64);

  it.each(["layernorm", "rms_norm", "SimpleNorm"])("refuses %s, whose weights fit no map", async (name) => {
    expect(await refused({ norm_layer: name })).toContain('takes "batchnorm"');
    expect(await refused({ norm_layer: `${name}2d` })).toBe("accepted");
  });

  it("refuses a pruned network without some of its convolutions", async () => {
    expect(await refused({ layers: [3, 4, 6, 2] }, "ecaresnet50d_pruned")).toContain("left by pruning");
    expect(await refused({}, "ecaresnet50d_pruned")).toBe("accepted");
  });
});

describe("metaformer", () => {
  it("takes no norm_layer, which timm's stages are given twice, and ignores act_layer", async () => {
    const refused = await refusal("metaformer", "poolformer_s12", { norm_layer: "layernorm" }).catch(String);
    expect(refused).toContain('no argument "norm_layer"');
    const { notices } = await lower("metaformer", "poolformer_s12", { act_layer: "silu" });
    expect(notices.join()).toContain("act_layer has no effect");
  });
});

it("hrnet states 64 channels of a stem of any width, as timm does", async () => {
  const { model } = await lower("hrnet", "hrnet_w18_small", { stem_width: 16 });
  expect(model.stages[0]).toMatchObject({ channels: 64 });
  expect(model.stages[0]?.value.type.shape[1]).toBe(16);
});

it("fastvit has norms to choose where it attends", async () => {
  const { notices } = await lower("fastvit", "fastvit_t8", { norm_layer: "layernorm" });
  expect(notices.join()).toContain("norm_layer has no effect");
  expect(await refusal("fastvit", "fastvit_sa12", { norm_layer: "layernorm" })).toContain("Python class");
});

it("fastvit attends in the last stage that there can be, not in the last one given", async () => {
  const { parameters } = await lower("fastvit", "fastvit_sa12", { layers: [2, 2, 2], embed_dims: [64, 128, 256] });
  expect(parameters.filter(({ name }) => name.includes("qkv"))).toEqual([]);
  const five = { layers: [1, 1, 1, 1, 1], embed_dims: [64, 128, 256, 512, 512], mlp_ratios: [4, 4, 4, 4, 4] };
  expect(await refusal("fastvit", "fastvit_sa12", five)).toContain("5 entries for 4 stages");
  expect(await refusal("fastvit", "fastvit_sa12", { layers: [2, 2, 2] })).toContain("the last of embed_dims");
});

it("fastvit and mambaout give their first four stages, however many there are", async () => {
  expect((await lower("fastvit", "fastvit_mci3", {}, 256)).model.defaultStages).toEqual([0, 1, 2, 3]);
  const fewer = await lower("mambaout", "mambaout_femto", { depths: [1, 1, 1] });
  expect(fewer.model.defaultStages).toBe("refused");
});

it("dropout rates are probabilities, and a rate of stochastic depth is a number, though nothing follows from them", async () => {
  const refused = (args: Record<string, unknown>): Promise<string> => refusal("resnet", "resnet18", args, 64);
  for (const drop_rate of [-5, 2, "abc"]) expect(await refused({ drop_rate })).toContain("takes number >= 0 and <= 1");
  expect(await refused({ drop_path_rate: "abc" })).toContain("takes number");
  expect(await refused({ drop_rate: 1, drop_path_rate: 0.2 })).toBe("accepted");
});

it("efficientvit_msra takes one side as img_size, and no pair", async () => {
  const refused = (img_size: unknown): Promise<string> => refusal("efficientvit_msra", "efficientvit_m0", { img_size });
  expect(await refused([224, 224])).toContain("takes integer");
  expect(await refused(224)).toBe("accepted");
});

describe("mobilenetv5", () => {
  const encoder = "mobilenetv5_300m_enc";

  it("refuses use_msfa where the encoder always fuses", async () => {
    expect(await refusal("mobilenetv5", encoder, { use_msfa: false }, 256)).toContain("takes no use_msfa");
  });

  it("says what timm drops of the encoder's arguments", async () => {
    const dropped = { num_classes: 10, num_features: 64, global_pool: "max" };
    const { notices } = await lower("mobilenetv5", encoder, dropped, 256);
    for (const name of Object.keys(dropped)) expect(notices.join()).toContain(`${name} has no effect`);
    expect((await lower("mobilenetv5", encoder, { num_classes: 0, num_features: 2048 }, 256)).notices).toEqual([]);
  });
});
