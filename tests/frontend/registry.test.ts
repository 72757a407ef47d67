import { readFileSync } from "node:fs";

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { globMatch } from "../../src/frontend/glob.ts";
import { checkCfgFields, defaultCfg, hasWeights, overlay } from "../../src/frontend/pretrained-cfg.ts";
import { parseReference } from "../../src/frontend/reference.ts";
import {
  benchmarks,
  familyOf,
  findName,
  listAliases,
  listArchitectures,
  listFamilies,
  matchesFilter,
  modelName,
  pretrainedCfg,
  pretrainedTags,
  resolveName,
} from "../../src/frontend/registry.ts";
import { TimmcError } from "../../src/ir/error.ts";

const refusal = (body: () => unknown): TimmcError => {
  try {
    body();
  } catch (error) {
    if (error instanceof TimmcError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
};

const entries = listArchitectures().flatMap((architecture) =>
  pretrainedTags(architecture).map((tag) => ({ architecture, tag, cfg: pretrainedCfg(architecture, tag) })),
);
const count = (test: (entry: (typeof entries)[number]) => boolean): number => entries.filter(test).length;

describe("the registry", () => {
  it("has timm's counts", () => {
    expect(listArchitectures()).toHaveLength(1302);
    expect(listFamilies()).toHaveLength(91);
    expect(entries).toHaveLength(1943);
    expect(count(({ cfg }) => hasWeights(cfg))).toBe(1722);
    expect(count(({ tag }) => tag === "untrained")).toBe(188);
    expect(count(({ tag }) => tag === "")).toBe(29);
    const weightedTags = entries.filter(({ tag, cfg }) => tag !== "" && hasWeights(cfg)).map(({ tag }) => tag);
    expect(new Set(weightedTags).size).toBe(298);
  });

  it("has timm's counts of fields", () => {
    expect(count(({ cfg }) => cfg.fixed_input_size)).toBe(822);
    expect(count(({ cfg }) => cfg.test_input_size !== null)).toBe(351);
    expect(count(({ cfg }) => cfg.custom_load !== false)).toBe(65);
    expect(count(({ cfg }) => cfg.crop_mode === "squash")).toBe(84);
    expect(count(({ cfg }) => cfg.interpolation === "bilinear")).toBe(166);
    expect(count(({ cfg }) => cfg.hf_hub_id === null && cfg.url === true)).toBe(19);
    const elsewhere = count(
      ({ architecture, tag, cfg }) => ![null, "", `timm/${modelName(architecture, tag)}`].includes(cfg.hf_hub_id),
    );
    expect(elsewhere).toBe(44);
  });

  it("resolves every entry by its own name to a well-formed configuration", () => {
    for (const { architecture, tag, cfg } of entries) {
      const reference = parseReference(modelName(architecture, tag));
      if (reference.kind !== "timm") throw new Error("not a plain name");
      const resolved = resolveName(reference.architecture, reference.tag);
      expect(resolved).toEqual({ architecture, tag, family: familyOf(architecture), notices: [] });
      expect(checkCfgFields({ ...cfg })).toEqual({ accepted: cfg, unknown: [], cleaned: [], faults: [] });
    }
  });

  it("puts the default tag first, and one with weights where there is any", () => {
    let weighted = 0;
    for (const architecture of listArchitectures()) {
      const [first = "", ...others] = pretrainedTags(architecture);
      expect(resolveName(architecture).tag).toBe(first);
      const defaultHasWeights = hasWeights(pretrainedCfg(architecture, first));
      if (defaultHasWeights) weighted++;
      else expect(others.some((tag) => hasWeights(pretrainedCfg(architecture, tag)))).toBe(false);
    }
    expect(weighted).toBe(1087);
  });

  it("fills in timm's defaults", () => {
    expect(pretrainedCfg("resnet50", "a1_in1k")).toEqual({
      ...defaultCfg,
      url: true,
      hf_hub_id: "timm/resnet50.a1_in1k",
      architecture: "resnet50",
      tag: "a1_in1k",
      test_input_size: [3, 288, 288],
      crop_pct: 0.95,
      test_crop_pct: 1,
      pool_size: [7, 7],
      first_conv: "conv1",
      classifier: "fc",
      license: "apache-2.0",
      origin_url: "https://github.com/huggingface/pytorch-image-models",
      paper_ids: "arXiv:2110.00476",
    });
    expect(pretrainedCfg("vit_large_patch14_clip_quickgelu_224", "openai").hf_hub_id).toBe(
      "timm/vit_large_patch14_clip_224.openai",
    );
  });

  it("keeps timm's natural order", () => {
    const names = listArchitectures();
    expect(names.indexOf("vgg11")).toBeLessThan(names.indexOf("vgg11_bn"));
    expect(names.indexOf("efficientnet_b5")).toBeGreaterThan(names.indexOf("efficientnet_b4"));
    expect(names.indexOf("res2net50_14w_8s")).toBeLessThan(names.indexOf("res2net101_26w_4s"));
  });

  it("stores no default and no missing file", () => {
    const root = new URL("../../data/", import.meta.url);
    for (const family of listFamilies()) {
      const text = readFileSync(new URL(`pretrained/${family}.json`, root), "utf8");
      expect(text).not.toMatch(/null|"url":false|"tag":|"architecture":/);
    }
  });
});

describe("resolveName", () => {
  it("maps every deprecated name to a registered pair and says so", () => {
    expect(listAliases().size).toBe(209);
    for (const [alias, target] of listAliases()) {
      expect(listArchitectures()).not.toContain(alias);
      const resolved = resolveName(alias);
      const [architecture = "", tag = pretrainedTags(architecture)[0]] = target.split(".");
      expect(resolved).toMatchObject({ architecture, tag });
      expect(resolved.notices.join()).toContain(JSON.stringify(target));
    }
    expect([...listAliases().values()].filter((target) => target.includes("."))).toHaveLength(197);
  });

  it.each([
    ["convnext_xlarge_384_in22ft1k", undefined, "convnext_xlarge", "fb_in22k_ft_in1k_384"],
    ["vit_base_patch16_224_sam", undefined, "vit_base_patch16_224", "sam_in1k"],
    ["tv_resnet50", undefined, "resnet50", "tv_in1k"],
    ["tv_resnet50", "a1_in1k", "resnet50", "a1_in1k"],
    ["xception", undefined, "legacy_xception", "tf_in1k"],
    ["ig_resnext101_32x48d", undefined, "resnext101_32x8d", "fb_wsl_ig1b_ft_in1k"],
    ["xcit_tiny_12_p8_384_dist", undefined, "xcit_tiny_12_p8_384", "fb_dist_in1k"],
  ])("maps %s with tag %s", (name, tag, architecture, resolvedTag) => {
    expect(resolveName(name, tag)).toMatchObject({ architecture, tag: resolvedTag });
  });

  it("refuses an unknown tag and lists the tags", () => {
    const error = refusal(() => resolveName("resnet50", "a1_in22k"));
    expect(error.code).toBe("usage");
    for (const tag of pretrainedTags("resnet50")) expect(error.hint).toContain(tag);
    expect(refusal(() => pretrainedCfg("resnet50", "constructor")).message).toContain("constructor");
  });

  it.each([
    ["resnet5O", "resnet50"],
    ["ResNet-50", "resnet50"],
    ["resnet50_a1_in1k", "resnet50.a1_in1k"],
    ["vit_base_patch16_clip_224_openai", "vit_base_patch16_clip_224.openai"],
    ["efficientnetb0", "efficientnet_b0"],
    ["convnext_tny", "convnext_tiny"],
    ["vit_base_patch16", "vit_base_patch16_224"],
  ])("suggests for %s", (name, near) => {
    const error = refusal(() => resolveName(name));
    expect(error.code).toBe("usage");
    expect(error.hint).toContain(`Did you mean "${near}"`);
    expect(error.hint?.match(/"/g)?.length).toBeLessThanOrEqual(10);
  });

  it.each(["constructor", "__proto__", "toString", "", "zzzzzz", "a".repeat(10_000)])("does not know %j", (name) => {
    expect(findName(name)).toBeUndefined();
    expect(refusal(() => resolveName(name)).hint).toContain("timmc list");
    expect(refusal(() => familyOf(name)).code).toBe("usage");
  });
});

describe("benchmarks", () => {
  it("gives timm's published numbers", () => {
    expect(benchmarks("convnext_atto.d2_in1k")).toEqual({
      paramsM: 3.7,
      imgSize: 224,
      top1: 75.672,
      top5: 92.914,
      cropPct: 0.875,
      interpolation: "bicubic",
      gmacs: 0.55,
      mactsM: 3.81,
      otherSizes: [
        { imgSize: 288, top1: 77.016, top5: 93.704, cropPct: 0.95, interpolation: "bicubic", gmacs: 0.91, mactsM: 6.3 },
      ],
    });
    expect(benchmarks("constructor")).toBeUndefined();
  });

  it("has timm's counts", () => {
    const found = entries.flatMap(({ architecture, tag }) => benchmarks(modelName(architecture, tag)) ?? []);
    expect(found).toHaveLength(1923);
    expect(found.filter(({ top1 }) => top1 !== null)).toHaveLength(1266);
    expect(found.filter(({ otherSizes }) => otherSizes.length > 0)).toHaveLength(290);
    for (const { top1, top5 } of found) expect(top1 ?? 0).toBeLessThanOrEqual(top5 ?? 0);
  });
});

describe("globMatch", () => {
  // Answers of Python's fnmatch.fnmatchcase.
  it.each([
    ["resnet*", "resnet50", true],
    ["resnet*", "seresnet50", false],
    ["*resnet5?", "seresnet50", true],
    ["ResNet*", "resnet50", false],
    ["b[0-3]", "b2", true],
    ["b[!0-3]", "b2", false],
    ["b[!0-3]", "b7", true],
    ["a[]]b", "a]b", true],
    ["a[!]]b", "a]b", false],
    ["a[b", "a[b", true],
    ["[z-a]", "m", false],
    ["[a-]", "-", true],
    ["[ac-ez]", "d", true],
    ["a.c", "abc", false],
    ["a\\*", "a\\b", true],
    ["", "", true],
    ["*", "", true],
    ["?", "", false],
  ])("matches %j against %j: %s", (pattern, text, expected) => {
    expect(globMatch(pattern, text)).toBe(expected);
  });

  it("agrees with the regular expression of the same pattern", () => {
    const unit = fc.constantFrom("a", "b", "*", "?");
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 10 }),
        fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 }),
        (pattern, text) => {
          const regex = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`);
          expect(globMatch(pattern, text)).toBe(regex.test(text));
        },
      ),
    );
  });

  it("does not explode on many stars", () => {
    const start = performance.now();
    expect(globMatch("*a".repeat(200) + "b", "a".repeat(2000))).toBe(false);
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("tries a list pattern with and without a tag, as timm does", () => {
    const select = (pattern: string): number =>
      count(({ architecture, tag }) => matchesFilter(pattern, architecture, tag));
    expect(select("resnet50")).toBe(pretrainedTags("resnet50").length);
    expect(select("resnet50.a[1-3]_in1k")).toBe(3);
    expect(select("*")).toBe(1943);
    expect(select("*.untrained")).toBe(188);
    expect(matchesFilter("*_in1k", "resnet50", "a1_in1k")).toBe(true);
    expect(matchesFilter("resnet50", "resnet50", "")).toBe(true);
    expect(matchesFilter("resnet", "resnet50", "a1_in1k")).toBe(false);
  });
});

describe("overlay", () => {
  const cfg = pretrainedCfg("resnet50", "a1_in1k");

  it("replaces fields, and null gives a default", () => {
    expect(overlay(cfg, { crop_pct: 0.9, test_input_size: null, crop_mode: "squash" })).toEqual({
      ...cfg,
      crop_pct: 0.9,
      test_input_size: null,
      crop_mode: "squash",
    });
    expect(overlay(cfg, { crop_pct: null }).crop_pct).toBe(0.875);
    expect(cfg.crop_pct).toBe(0.95);
  });

  it.each([
    [{ croppct: 1 }, '"crop_pct"'],
    [{ state_dict: {} }, "The fields are url"],
    [{ __proto__x: 1 }, "The fields are url"],
  ])("refuses the unknown field in %j", (values, hint) => {
    const error = refusal(() => overlay(cfg, values));
    expect(error.code).toBe("usage");
    expect(error.hint).toContain(hint);
  });

  it.each([
    [{ crop_pct: "0.9" }],
    [{ crop_pct: 0 }],
    [{ crop_pct: Number.NaN }],
    [{ input_size: [3, 224] }],
    [{ input_size: [3, 224.5, 224] }],
    [{ input_size: [0, 224, 224] }],
    [{ input_size: 224 }],
    [{ mean: [] }],
    [{ mean: [Number.POSITIVE_INFINITY] }],
    [{ std: [0, 1, 1] }],
    [{ num_classes: -1 }],
    [{ interpolation: "cubic" }],
    [{ crop_mode: "middle" }],
    [{ fixed_input_size: 1 }],
    [{ label_names: { cat: "dog" } }],
    [{ label_names: [1] }],
    [{ first_conv: 3 }],
    [{ url: ["only one"] }],
  ])("refuses the value in %j", (values) => {
    const error = refusal(() => overlay(cfg, values));
    expect(error.code).toBe("usage");
    expect(error.message).toContain(`${Object.keys(values)[0]} must be `);
  });
});
