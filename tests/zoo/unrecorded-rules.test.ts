import { describe, expect, it } from "vitest";
import { type Inspection, inspect } from "../../src/driver/inspect.ts";
import { TimmcError } from "../../src/ir/error.ts";

/** Rules of timm's constructors that no record shows; the numbers of parameters are timm's. */
const lower = (model: string, args: Record<string, unknown>): Promise<Inspection> => inspect({ model, args });
const paramsOf = async (...request: Parameters<typeof lower>): Promise<number> => (await lower(...request)).params;
const shapeOf = ({ parameters }: Inspection, name: string): readonly number[] | undefined =>
  parameters.find((p) => p.name === name)?.shape;

describe("beit", () => {
  const beit = "beit_base_patch16_224";

  it.each(["max", "catavgmax", "map"])("reads the class token for global_pool=%s, and says so", async (pool) => {
    const { notices, parameters } = await lower(beit, { global_pool: pool, depth: 1 });
    expect(notices.join()).toContain("reads the class token");
    const token = await lower(beit, { global_pool: "token", depth: 1 });
    expect(parameters).toEqual(token.parameters);
    expect(token.notices).toEqual([]);
  });
});

describe("byobnet", () => {
  it("takes a width of 0 for attention's pool as none given, and only multiples of a head's width", async () => {
    expect(await paramsOf("resnet50_clip", { head_hidden_size: 0 })).toBe(await paramsOf("resnet50_clip", {}));
    await expect(lower("resnet50_clip", { head_hidden_size: 100 })).rejects.toThrow("multiple of 64");
  });
});

describe("coat", () => {
  it("takes fractions as MLP ratios", async () => {
    expect(await paramsOf("coat_lite_tiny", { mlp_ratios: [2.5, 4, 4, 4] })).toBe(5_367_976);
  });
});

describe("edgenext", () => {
  const edgenext = "edgenext_xx_small";

  it("places positions in the stages that ask for them", async () => {
    const model = await lower(edgenext, { use_pos_emb: [false, false, true, false] });
    expect(shapeOf(model, "stages.2.blocks.5.pos_embd.token_projection.weight")).toEqual([88, 64, 1, 1]);
    expect(shapeOf(model, "stages.1.blocks.1.pos_embd.token_projection.weight")).toBeUndefined();
  });

  it("goes without scales only where no block attends", async () => {
    await expect(lower(edgenext, { ls_init_value: 0 })).rejects.toThrow("need their scales");
    const model = await lower(edgenext, { ls_init_value: 0, global_block_counts: [0, 0, 0, 0] });
    expect(shapeOf(model, "stages.0.blocks.0.gamma")).toBeUndefined();
    expect(shapeOf(model, "stages.0.blocks.0.mlp.fc1.weight")).toEqual([96, 24]);
  });

  it("rounds the widths of fractional ratios down", async () => {
    const model = await lower(edgenext, { expand_ratio: 2.55 });
    expect(shapeOf(model, "stages.0.blocks.0.mlp.fc1.weight")).toEqual([61, 24]);
  });
});

describe("efficientformer", () => {
  const efficientformer = "efficientformer_l1";

  it("says which arguments of others do nothing", async () => {
    const { notices } = await lower(efficientformer, { depth: 1, norm_eps: 1e-3, distillation: true });
    expect(notices).toHaveLength(3);
  });

  it("reduces where downsamples says", async () => {
    const given = { downsamples: [false, true, true, true] };
    expect(await paramsOf(efficientformer, given)).toBe(await paramsOf(efficientformer, {}));
    await expect(lower(efficientformer, { downsamples: [false, true, true, false] })).rejects.toThrow("stage 3");
    await expect(lower(efficientformer, { downsamples: [false, true] })).rejects.toThrow("2 entries for 4 stages");
  });
});

describe("efficientformer_v2", () => {
  const small = "efficientformerv2_s0";

  it("takes one MLP ratio, one per stage, or one per block", async () => {
    const model = await lower(small, { mlp_ratios: [1.5, 2, 3, [1, 2, 3, 4]] });
    expect(shapeOf(model, "stages.0.blocks.1.mlp.fc1.conv.weight")).toEqual([48, 32, 1, 1]);
    expect(shapeOf(model, "stages.3.blocks.2.mlp.fc1.conv.weight")).toEqual([528, 176, 1, 1]);
    const even = await lower(small, { mlp_ratios: 2 });
    expect(shapeOf(even, "stages.3.blocks.2.mlp.fc1.conv.weight")).toEqual([352, 176, 1, 1]);
    await expect(lower(small, { mlp_ratios: [4, 4, 4, [4, 4]] })).rejects.toThrow("too few");
  });

  it("counts reductions by downsamples", async () => {
    const { features } = await lower(small, {
      embed_dims: [32, 32, 96, 176],
      downsamples: [false, false, true, true],
    });
    expect(features.map(({ reduction }) => reduction)).toEqual([4, 4, 8, 16]);
    expect(features.map(({ shape }) => shape[2])).toEqual([56, 56, 28, 14]);
  });
});

describe("efficientvit_mit", () => {
  it("has as many stages as the shorter of depths and widths", async () => {
    const { features } = await lower("efficientvit_b0", { depths: [1, 1, 1, 1] });
    expect(features.map(({ channels }) => channels)).toEqual([16, 32, 64]);
  });
});

describe("features_only without out_indices", () => {
  const modulesOf = async (model: string, args: Record<string, unknown>): Promise<readonly unknown[]> =>
    (await lower(model, { ...args, features_only: true })).outputs.map(({ module }) => module);

  it("selects the first stages, as many as timm's default names", async () => {
    expect(await modulesOf("densenet121", { block_config: [2, 2, 2, 2, 2] })).not.toContain("features.norm5");
    expect(await modulesOf("fasternet_t0", { depths: [1, 1, 1, 1, 1] })).toHaveLength(4);
    const stem = ["stem.conv3", "stem.pool"];
    expect(await modulesOf("repvgg_a0", { stem_type: "deep" })).toEqual([...stem, "stages.0", "stages.1", "stages.2"]);
  });

  it.each([
    ["densenet121", { block_config: [2, 2] }],
    ["efficientvit_b0", { depths: [1, 1, 1, 1] }],
    ["fasternet_t0", { depths: [1, 1] }],
  ])("is refused of %s with fewer", async (model, args) => {
    await expect(modulesOf(model, args)).rejects.toThrow(TimmcError);
    expect(await modulesOf(model, { ...args, out_indices: [1] })).toHaveLength(1);
  });
});

describe("efficientnet", () => {
  it("drops head_conv with features_only, whatever the generator takes", async () => {
    await expect(lower("efficientnet_b0", { head_conv: true })).rejects.toThrow("takes none");
    const { outputs } = await lower("efficientnet_b0", { head_conv: true, features_only: true });
    expect(outputs).toHaveLength(5);
  });
});

describe("fasternet", () => {
  it("has as many stages as depths", async () => {
    const { features, parameters } = await lower("fasternet_t0", { depths: [1, 1] });
    expect(features.map(({ channels }) => channels)).toEqual([40, 80]);
    expect(parameters.find((p) => p.name === "conv_head.weight")?.shape).toEqual([1280, 80, 1, 1]);
  });
});
