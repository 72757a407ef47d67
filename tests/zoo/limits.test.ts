import { describe, expect, it } from "vitest";
import { TimmcError } from "../../src/ir/error.ts";
import { defineFamily } from "../../src/zoo/define-family.ts";
import { lowerArchitecture } from "../../src/zoo/lower.ts";
import { loadFamily } from "../../src/zoo/registry.ts";
import { readArgs } from "../../src/zoo/schema.ts";

/** Arguments of a downloaded configuration that would exhaust the memory or a call's arguments. */
const hostile: readonly (readonly [family: string, arch: string, args: Record<string, unknown>])[] = [
  ["resnet", "resnet50", { layers: [1e300, 1, 1, 1] }],
  ["resnet", "resnet50", { layers: [3e6, 1, 1, 1] }],
  ["resnet", "resnet50", { layers: [65_536, 1, 1, 1] }],
  ["resnet", "resnet50", { base_width: 65_536, cardinality: 65_536 }],
  ["resnet", "resnet50", { stem_width: 1e9 }],
  ["convnext", "convnext_tiny", { depths: [65_536, 65_536, 65_536, 65_536] }],
  ["convnext", "convnext_tiny", { kernel_sizes: 1e9 }],
  ["convnext", "convnext_tiny", { dims: [65_536, 65_536, 65_536, 65_536], depths: [9, 9, 9, 9] }],
  ["vision_transformer", "vit_tiny_patch16_224", { img_size: 1e6 }],
  ["vision_transformer", "vit_tiny_patch16_224", { img_size: [65_536, 65_536], patch_size: 1 }],
  ["vision_transformer", "vit_tiny_patch16_224", { depth: 65_536 }],
  ["vision_transformer", "vit_tiny_patch16_224", { mlp_ratio: 1e300 }],
  ["vision_transformer", "vit_tiny_patch16_224", { reg_tokens: 1e12 }],
  ["swin_transformer", "swin_tiny_patch4_window7_224", { window_size: 1e12 }],
  ["swin_transformer", "swin_tiny_patch4_window7_224", { window_size: 65_536, always_partition: true }],
  ["swin_transformer", "swin_tiny_patch4_window7_224", { mlp_ratio: 1e300 }],
  ["vgg", "vgg11", { mlp_ratio: 1e300 }],
  ["efficientnet", "efficientnet_b0", { num_features: 1e300 }],
  ["efficientnet", "mobilenetv2_100", { channel_multiplier: 1e300 }],
  ["efficientnet", "mobilenetv2_100", { depth_multiplier: 1e300 }],
  ["efficientnet", "mobilenetv2_100", { num_classes: 1e300 }],
  ["mobilenetv3", "mobilenetv3_large_100", { stem_size: 1e300 }],
];

describe("arguments beyond every network", () => {
  it.each(hostile)("%s %s %j is refused in words", async (name, arch, args) => {
    const family = await loadFamily(name);
    if (family === undefined) throw new Error(`no family ${name}`);
    const side = typeof args["img_size"] === "object" ? 65_536 : 224;
    const lower = () => lowerArchitecture(family, arch, readArgs(family.args, arch, args), [3, side, side]);
    expect(lower).toThrow(
      expect.toSatisfy(
        (error) =>
          error instanceof TimmcError && /takes|more than|architecture sets|holds integers/.test(error.message),
      ),
    );
  });

  it("names the bound", async () => {
    const family = await loadFamily("resnet");
    const read = (): unknown => readArgs(family?.args ?? {}, "resnet50", { layers: [3e6, 1, 1, 1] });
    expect(read).toThrow(expect.objectContaining({ hint: expect.stringContaining("integers go up to 65536") }));
  });
});

/** The message and the advice for an input's size, with img_size as the pretrained configuration gives it. */
async function refusalOf(name: string, arch: string, args: Record<string, unknown>, side: number, design?: number) {
  const family = await loadFamily(name);
  if (family === undefined) throw new Error(`no family ${name}`);
  const read = readArgs(family.args, arch, args);
  try {
    const own = design === undefined ? undefined : ([design, design] as const);
    lowerArchitecture(family, arch, read, [3, side, side], undefined, undefined, own);
  } catch (error) {
    if (error instanceof TimmcError) return { code: error.code, message: error.message, hint: error.hint };
    throw error;
  }
  return undefined;
}

const same = (side: number): string => `compile with --arg img_size=${side}`;
const other = (side: number): string => `compile with --input-size 3,${side},${side}`;
const both = (side: number): string => `${other(side)} --arg img_size=${side}`;

describe("sizes that do not fit", () => {
  it.each([
    ["hrnet", "hrnet_w18_small", {}, 225, other(224)],
    ["hrnet", "hrnet_w18_small", {}, 240, other(256)],
    ["dla", "dla34", {}, 225, other(224)],
    ["maxxvit", "coatnet_0_rw_224", { img_size: 224 }, 256, same(256)],
    ["efficientformer_v2", "efficientformerv2_s0", { img_size: 225 }, 225, both(224)],
    ["byoanet", "botnet26t_256", { img_size: 240 }, 240, both(256)],
    ["byoanet", "lambda_resnet26t", {}, 200, other(192)],
    ["coat", "coat_tiny", { img_size: 48 }, 48, both(64)],
    ["inception_v3", "inception_v3", {}, 70, other(96)],
    ["sequencer", "sequencer2d_s", { img_size: 6 }, 6, both(16)],
  ] as const)("%s: %s %j at %i is no rule of an op: %s", async (name, arch, args, side, hint) => {
    const refused = await refusalOf(name, arch, args, side);
    expect(refused).toMatchObject({ code: "unsupported", hint });
    expect(refused?.message).toMatch(/^does not take an input of (\d+)x\1 \(.*(broadcast|does not fit)/);
  });

  it.each([
    ["visformer", "visformer_tiny", { img_size: 224 }, 256, same(256)],
    ["naflexvit", "naflexvit_base_patch16_gap", {}, 200, other(208)],
    ["levit", "levit_128s", { img_size: 225 }, 225, both(224)],
    ["efficientvit_msra", "efficientvit_m0", { img_size: 225 }, 225, both(224)],
    ["maxxvit", "maxvit_tiny_tf_224", { img_size: 224 }, 256, same(256)],
    ["vision_transformer_sam", "samvit_base_patch16_224", { img_size: 500 }, 500, both(496)],
    ["crossvit", "crossvit_9_240", { img_size: 224 }, 224, both(240)],
  ] as const)("%s: %s %j at %i comes with a size that compiles: %s", async (name, arch, args, side, hint) => {
    expect(await refusalOf(name, arch, args, side, 240)).toMatchObject({ code: "unsupported", hint });
  });

  it("advises no size where the arguments are at fault", async () => {
    const refused = await refusalOf("efficientnet", "efficientnet_b0", { group_size: 5 }, 64, 224);
    expect(refused?.message).toContain("group_size=5 does not divide");
    expect(refused?.hint).toBeUndefined();
    const family = defineFamily({
      name: "tiny",
      paper: "",
      args: {},
      variants: { tiny: {} },
      groups: () => [],
      build: (s, input) => {
        const x = s.add(s.param("a", [2]), s.param("b", [3]));
        return { forwardFeatures: [x], preLogits: [x], logits: [input], stages: [], format: "NCHW" };
      },
    });
    const lower = (): unknown => lowerArchitecture(family, "tiny", {}, [3, 9, 9], undefined, undefined, [8, 8]);
    expect(lower).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^does not take an input of 9x9 with these arguments \(.*do not broadcast\)$/),
        hint: expect.stringContaining("check the arguments"),
      }),
    );
  });
});
