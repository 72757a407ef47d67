import { describe, expect, it } from "vitest";
import { TimmcError } from "../../src/ir/error.ts";
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
