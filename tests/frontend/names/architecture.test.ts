import { array, assert, constantFrom, oneof, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { parseArchitecture } from "../../../src/frontend/names/architecture.ts";
import { listArchitectures } from "../../../src/frontend/registry.ts";

/** The pieces of a name, as `text=kind`. */
const pieces = (name: string): string =>
  parseArchitecture(name)
    .tokens.map(({ text, kind }) => `${text}=${kind}`)
    .join(" ");

/** The name that pieces and the underscores between them give. */
function rebuilt(name: string): string {
  const characters = name.replaceAll(/[^_]/g, "?").split("");
  for (const { text, start, end } of parseArchitecture(name).tokens) {
    expect(end - start).toBe(text.length);
    characters.splice(start, text.length, ...text.split(""));
  }
  return characters.join("");
}

describe("parseArchitecture", () => {
  it.each([
    ["resnet50d", "resnet=line 50=depth d=variant"],
    ["seresnextaa101d_32x8d", "se=variant resnextaa=line 101=depth d=variant 32x8d=cardinality"],
    ["tf_efficientnet_b0", "tf=origin efficientnet=line b0=size"],
    [
      "vit_base_patch16_clip_quickgelu_224",
      "vit=line base=size patch16=patch clip=objective quickgelu=variant 224=resolution",
    ],
    ["vit_so400m_patch14_reg4_dinov2", "vit=line so400m=size patch14=patch reg4=registers dinov2=objective"],
    [
      "vit_small_patch16_rope_mixed_ape_224",
      "vit=line small=size patch16=patch rope=position mixed=position ape=position 224=resolution",
    ],
    ["vit_base_r50_s16_224", "vit=line base=size r50=backbone s16=stride 224=resolution"],
    ["swinv2_base_window12to24_192to384", "swinv2=line base=size window12to24=window 192to384=resolution"],
    ["xcit_tiny_24_p8_384", "xcit=line tiny=size 24=other p8=patch 384=resolution"],
    ["mobilenetv3_large_075", "mobilenetv3=line large=size 075=size"],
    ["regnety_1280", "regnety=line 1280=size"],
    ["resnetv2_50x3_bit", "resnetv2=line 50x3=depth bit=variant"],
    ["ecaresnet50d_pruned", "eca=variant resnet=line 50=depth d=variant pruned=pruned"],
    ["vgg16_bn", "vgg=line 16=depth bn=norm"],
  ])("%s", (name, expected) => {
    expect(pieces(name)).toBe(expected);
  });

  it("gives the values that a name states", () => {
    expect(parseArchitecture("swinv2_base_window12to24_192to384")).toMatchObject({
      line: "swinv2",
      size: "base",
      window: { size: 24, from: 12 },
      resolution: { size: 384, from: 192 },
    });
    expect(parseArchitecture("vit_betwixt_patch16_reg4_gap_256")).toMatchObject({
      size: "betwixt",
      patch: 16,
      registers: 4,
      pool: "gap",
      resolution: { size: 256 },
    });
    expect(parseArchitecture("resnext101_32x8d")).toMatchObject({ cardinality: { groups: 32, width: 8 } });
    expect(parseArchitecture("tf_efficientnet_b0")).toMatchObject({ tensorflow: true, pruned: false });
    expect(parseArchitecture("deit_base_distilled_patch16_224")).toMatchObject({ distilled: true });
    expect(parseArchitecture("vit_base_patch16_siglip_224").objectives).toEqual(["siglip"]);
    expect(parseArchitecture("resnet50")).not.toHaveProperty("resolution");
  });

  it("covers every architecture's name with pieces that lie apart", () => {
    for (const name of listArchitectures()) expect(rebuilt(name)).toBe(name);
  });

  it("covers any other text", () => {
    const word = oneof(string({ unit: "grapheme-ascii" }), constantFrom("tf", "224", "r50", "patch16", ""));
    assert(
      property(array(word), (texts) => {
        expect(rebuilt(texts.join("_"))).toBe(texts.join("_"));
      }),
    );
  });
});
