import { describe, expect, it } from "vitest";
import { type Dim, mulDim, printShape, symbol } from "../../src/ir/dim.ts";
import { TimmcError } from "../../src/ir/error.ts";
import { type LoweredModel, lowerArchitecture } from "../../src/zoo/lower.ts";
import { loadFamily } from "../../src/zoo/registry.ts";
import { readArgs } from "../../src/zoo/schema.ts";

type Args = Readonly<Record<string, unknown>>;
type Size = readonly [Dim, Dim];

async function lower(arch: string, args: Args = {}, [h, w]: Size = [224, 224]): Promise<LoweredModel> {
  const family = await loadFamily(arch.startsWith("deit") ? "deit" : "vision_transformer");
  if (family === undefined) throw new Error(`no family of ${arch}`);
  return lowerArchitecture(family, arch, readArgs(family.args, arch, args), [3, h, w]);
}

async function refusal(arch: string, args: Args, size?: Size): Promise<string> {
  try {
    await lower(arch, args, size);
  } catch (error) {
    if (error instanceof TimmcError) return error.message;
    throw error;
  }
  return "accepted";
}

const shapeOf = ({ parameters }: LoweredModel, name: string): readonly number[] | undefined =>
  parameters.find((p) => p.name === name)?.shape;
const names = ({ parameters }: LoweredModel): readonly string[] => parameters.map((p) => p.name);
const logits = ({ model }: LoweredModel): string => model.logits.map((v) => printShape(v.type.shape)).join();

const tiny = "vit_tiny_patch16_224";
const shallow = { depth: 1 };

describe("vision_transformer: tokens", () => {
  it("has position embeddings for the patches of img_size and the tokens before them", async () => {
    const length = async (args: Args, size?: Size): Promise<number | undefined> =>
      shapeOf(await lower(tiny, { ...shallow, ...args }, size), "pos_embed")?.[1];
    expect(await length({})).toBe(197);
    expect(await length({ img_size: [160, 230] }, [160, 230])).toBe(1 + 10 * 14);
    expect(await length({ reg_tokens: 4 })).toBe(201);
    expect(await length({ reg_tokens: 4, no_embed_class: true })).toBe(196);
    expect(await length({ class_token: false, global_pool: "avg" })).toBe(196);
    expect(await length({ patch_size: [16, 32] })).toBe(1 + 14 * 7);
    expect(await length({ pos_embed: "none" })).toBeUndefined();
  });

  it("gives maps of the patches alone", async () => {
    const { model } = await lower(tiny, { ...shallow, reg_tokens: 4, patch_size: [16, 32] });
    expect(model.stages.map((s) => [s.module, s.reduction, printShape(s.value.type.shape)])).toEqual([
      ["blocks.0", 32, "[N,192,14,7]"],
    ]);
    expect(printShape(model.forwardFeatures[0]?.type.shape ?? [])).toBe("[N,103,192]");
  });

  it("takes one size, or with dynamic_img_size every size of whole patches, or with dynamic_img_pad all", async () => {
    expect(await refusal(tiny, shallow, [224, 240])).toContain("width 240 doesn't match the model's 224");
    const dynamic = { ...shallow, dynamic_img_size: true };
    expect(await refusal(tiny, dynamic, [224, 240])).toBe("accepted");
    expect(await refusal(tiny, dynamic, [230, 240])).toContain("height 230 is not divisible");
    expect(await refusal(tiny, { ...dynamic, dynamic_img_pad: true }, [230, 240])).toBe("accepted");
    expect(await refusal(tiny, { ...shallow, img_size: 230, dynamic_img_pad: true }, [230, 230])).toContain(
      "no position embedding",
    );
  });

  it("interpolates position embeddings to a size that is known only at run time", async () => {
    const size = ["h", "w"].map((name) => mulDim(32, symbol(name))) as [Dim, Dim];
    const { model } = await lower(tiny, { ...shallow, dynamic_img_size: true }, size);
    expect(printShape(model.stages[0]?.value.type.shape ?? [])).toBe("[N,192,2*h,2*w]");
    expect(await refusal(tiny, { ...shallow, dynamic_img_size: true }, [symbol("H"), symbol("W")])).toContain(
      "height H is not divisible",
    );
  });
});

describe("vision_transformer: pooling and norms", () => {
  it("puts the final norm before pooling, or after it for averages and maxima, unless fc_norm says", async () => {
    const norms = async (args: Args): Promise<string> =>
      names(await lower(tiny, { ...shallow, ...args }))
        .filter((n) => /^(fc_)?norm\.weight/.test(n))
        .join();
    expect(await norms({})).toBe("norm.weight");
    expect(await norms({ global_pool: "map" })).toBe("norm.weight");
    for (const global_pool of ["avg", "max", "avgmax"]) expect(await norms({ global_pool })).toBe("fc_norm.weight");
    expect(await norms({ global_pool: "avg", fc_norm: false })).toBe("norm.weight");
    expect(await norms({ fc_norm: true })).toBe("fc_norm.weight");
    expect(await norms({ final_norm: false })).toBe("");
  });

  it("pools to a vector, or classifies every token", async () => {
    for (const global_pool of ["token", "avg", "avgmax", "max", "map", "prr"])
      expect(logits(await lower(tiny, { ...shallow, global_pool }))).toBe("[N,1000]");
    expect(logits(await lower(tiny, { ...shallow, global_pool: "" }))).toBe("[N,197,1000]");
    expect(logits(await lower(tiny, { ...shallow, global_pool: "", num_classes: 0 }))).toBe("[N,197,192]");
    expect(await refusal(tiny, { class_token: false })).toContain("class_token=true");
  });

  it("attends to the prefix tokens in pooling where told", async () => {
    const keys = ({ modules }: LoweredModel): string => printShape(modules.get("attn_pool.kv")?.[0]?.type.shape ?? []);
    expect(keys(await lower(tiny, { ...shallow, global_pool: "map" }))).toBe("[N,196,384]");
    expect(keys(await lower(tiny, { ...shallow, global_pool: "map", pool_include_prefix: true }))).toBe("[N,197,384]");
  });
});

describe("vision_transformer: blocks", () => {
  it("takes a LayerScale of 0 for none, but not in blocks with attention and MLP side by side", async () => {
    const none = names(await lower(tiny, { ...shallow, init_values: 0 }));
    expect(none.filter((n) => n.endsWith("gamma"))).toEqual([]);
    const parallel = names(await lower("vit_pwee_patch16_reg1_gap_256", { ...shallow, img_size: 224, init_values: 0 }));
    expect(parallel.filter((n) => n.endsWith("gamma"))).toEqual(["blocks.0.ls.gamma"]);
  });

  it("has an epsilon of 1e-6 for a norm that is given by name", async () => {
    const epsilons = async (args: Args): Promise<readonly unknown[]> => {
      const { graph } = await lower("vit_base_patch32_clip_224", { ...shallow, ...args });
      const found = [...graph.values()].flatMap((v) => ("eps" in v.attrs ? [v.attrs.eps] : []));
      return [...new Set(found)];
    };
    expect(await epsilons({})).toEqual([1e-5]);
    expect(await epsilons({ norm_layer: "Layer_Norm" })).toEqual([1e-6]);
    expect(await epsilons({ norm_layer: "rmsnorm" })).toEqual([1e-6]);
  });

  it("refuses what timm's constructors fail on", async () => {
    const differential = "vit_dpwee_patch16_reg1_gap_256";
    expect(await refusal(tiny, { num_heads: 5 })).toContain("divisible by num_heads=5");
    expect(await refusal(tiny, { attn_layer: "diff", num_heads: 64 })).toContain("3 is odd");
    expect(await refusal(differential, { scale_mlp_norm: true })).toContain("scale_mlp_norm");
    expect(await refusal(differential, { fix_init: true })).toContain("fix_init");
    expect(await refusal(differential, { fix_init: true, weight_init: "skip", img_size: 224 })).toBe("accepted");
    expect(await refusal(tiny, { weight_init: "jax_nlhb", num_classes: 0 })).toContain("logarithm");
    expect(await refusal("vit_giant_patch14_dinov2", { mlp_ratio: 1.0007 })).toContain("odd width of 1537");
    expect(await refusal(tiny, { norm_layer: "batchnorm" })).toContain("rmsnorm");
    expect(await refusal(tiny, { mlp_layer: "swiglu" })).toContain("Python class");
    expect(await refusal(tiny, { use_naflex: true })).toContain("naflexvit");
  });
});

describe("deit", () => {
  const distilled = "deit_tiny_distilled_patch16_224";

  it("averages two heads on two tokens", async () => {
    const model = await lower(distilled, shallow);
    expect(shapeOf(model, "pos_embed")).toEqual([1, 198, 192]);
    expect(names(model)).toEqual(expect.arrayContaining(["dist_token", "head.weight", "head_dist.weight"]));
    expect(logits(model)).toBe("[N,1000]");
    expect(logits(await lower(distilled, { ...shallow, num_classes: 0 }))).toBe("[N,192]");
  });

  it("distils any architecture on request, within what the forward pass can do", async () => {
    expect(names(await lower("deit_tiny_patch16_224", { ...shallow, distilled: true }))).toContain("dist_token");
    expect(await refusal("deit3_small_patch16_224", { distilled: true })).toContain("no_embed_class");
    expect(await refusal(distilled, { distilled: true })).toContain("sets distilled itself");
    expect(await refusal(distilled, { global_pool: "avg" })).toContain('global_pool="token"');
  });

  it("declares parameters of the base class that it does not use, and says so", async () => {
    const model = await lower(distilled, { ...shallow, reg_tokens: 2, fc_norm: true, pos_embed: "none" });
    expect(shapeOf(model, "reg_token")).toEqual([1, 2, 192]);
    expect(shapeOf(model, "fc_norm.bias")).toEqual([192]);
    expect(shapeOf(model, "pos_embed")).toEqual([1, 198, 192]);
    expect(model.notices).toHaveLength(3);
  });
});
