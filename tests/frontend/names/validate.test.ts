import { describe, expect, it } from "vitest";
import { parseArchitecture } from "../../../src/frontend/names/architecture.ts";
import { explain } from "../../../src/frontend/names/explain.ts";
import { parseTag } from "../../../src/frontend/names/tag.ts";
import { predictSide, validate } from "../../../src/frontend/names/validate.ts";
import { pretrainedCfg } from "../../../src/frontend/registry.ts";
import { entries, weighted } from "./records.ts";

const found = weighted.flatMap(({ architecture, tag, cfg }) => validate(architecture, tag, cfg));
const names = (field: string): string[] =>
  found
    .filter((c) => c.field === field)
    .map((c) => c.name)
    .toSorted();

describe("names against the configurations of timm's registry", () => {
  it("have the classes that their label sets have, but for three", () => {
    expect(names("num_classes")).toEqual([
      "focalnet_huge_fl4.ms_in22k",
      "resmlp_12_224.fb_dino",
      "resmlp_24_224.fb_dino",
    ]);
    expect(
      found.filter((c) => c.field === "num_classes").map(({ predicted, recorded }) => [predicted, recorded]),
    ).toEqual(
      expect.arrayContaining([
        ["21842", "0"],
        ["0 or a projection", "1000"],
      ]),
    );
  });

  it("have the size that they state in all of 797 names", () => {
    const tagged = weighted.filter(({ tag }) => parseTag(tag).resolution !== undefined);
    const stated = weighted.filter(({ architecture, tag }) => predictSide(architecture, tag) !== undefined);
    expect([tagged.length, stated.length]).toEqual([167, 797]);
    expect(names("input_size")).toEqual([]);
  });

  it("have patches that divide the input in all names but two", () => {
    expect(entries.filter(({ architecture }) => parseArchitecture(architecture).patch !== undefined)).toHaveLength(508);
    expect(names("patch")).toEqual(["vit_so400m_patch14_siglip_384.webli", "vit_so400m_patch14_siglip_gap_384.webli"]);
  });

  it("have windows that divide the last stage in 19 names of 28", () => {
    expect(weighted.filter(({ architecture }) => parseArchitecture(architecture).window !== undefined)).toHaveLength(
      28,
    );
    expect(names("window")).toHaveLength(9);
    expect(names("window").filter((name) => !name.startsWith("swinv2_"))).toEqual([]);
    const reasons = found.filter((c) => c.field === "window").map((c) => c.why);
    expect(reasons.filter((why) => !why.endsWith("its windows are cut down to that"))).toEqual([]);
  });

  it("contradict them in fourteen ways", () => {
    expect(found).toHaveLength(14);
  });
});

describe("validate", () => {
  it("says what differs, and why", () => {
    const cfg = {
      ...pretrainedCfg("vit_base_patch16_224", "augreg_in1k"),
      input_size: [3, 250, 250],
      num_classes: 10,
    } as const;
    expect(validate("vit_base_patch16_224", "augreg_in1k", cfg)).toMatchObject([
      { name: "vit_base_patch16_224.augreg_in1k", field: "num_classes", predicted: "1000", recorded: "10" },
      { field: "input_size", predicted: "224 x 224", recorded: "250 x 250" },
      { field: "patch", predicted: "a multiple of 16", recorded: "250 x 250" },
    ]);
  });

  it("expects no classes of a tag that it does not know", () => {
    const cfg = pretrainedCfg("resnet50", "a1_in1k");
    expect(validate("resnet50", "", cfg)).toEqual([]);
    expect(validate("resnet50", "mine", cfg)).toEqual([]);
  });
});

describe("explain", () => {
  it("puts every piece at its place in the whole name, in order", () => {
    for (const { architecture, tag } of entries) {
      const { name, pieces } = explain(architecture, tag);
      expect(pieces.map(({ start, end }) => name.slice(start, end))).toEqual(pieces.map(({ text }) => text));
      expect(pieces.map(({ start }) => start)).toEqual(pieces.map(({ start }) => start).toSorted((a, b) => a - b));
    }
  });

  it("tells the trainings in words", () => {
    expect(explain("vit_base_patch16_clip_384", "laion2b_ft_in12k_in1k").training).toEqual([
      "trained on LAION-2B (CLIP)",
      "fine-tuned on ImageNet-12k",
      "fine-tuned on ImageNet-1k",
    ]);
    expect(explain("efficientnet_b1", "ft_in1k").training).toEqual([
      "trained on data that the name does not say",
      "fine-tuned on ImageNet-1k",
    ]);
  });

  it("knows the trainings that a label set's name hides", () => {
    expect(explain("beit_base_patch16_224", "in22k_ft_in22k_in1k")).toMatchObject({
      training: [
        "trained on ImageNet-22k (masked image modelling)",
        "fine-tuned on ImageNet-22k",
        "fine-tuned on ImageNet-1k",
      ],
      selfSupervised: true,
    });
    const free = weighted.filter(({ architecture, tag }) => explain(architecture, tag).selfSupervised);
    const hidden = free.filter(({ tag }) => parseTag(tag).objectives.length === 0);
    const lines = new Set(hidden.map(({ architecture }) => parseArchitecture(architecture).line));
    expect([...lines].toSorted()).toEqual(["beit", "beitv2", "eva", "vit"]);
    expect(explain("eva_giant_patch14_336", "m30m_ft_in22k_in1k").training[0]).toBe(
      "trained on merged set of about 30 million images (masked image modelling)",
    );
    expect(explain("eva_giant_patch14_336", "clip_ft_in1k").selfSupervised).toBe(false);
    expect(explain("vit_small_patch14_dinov2", "lvd142m")).toMatchObject({
      training: ["trained on LVD-142M (DINOv2)"],
      selfSupervised: true,
    });
    expect(explain("vit_base_patch16_clip_224", "openai").selfSupervised).toBe(false);
    expect(explain("resnet50", "a1_in1k")).toMatchObject({ selfSupervised: false, distilled: false });
  });

  it("sees distillation in tag and architecture", () => {
    expect(explain("deit_base_distilled_patch16_224", "fb_in1k").distilled).toBe(true);
    expect(explain("xcit_nano_12_p8_224", "fb_dist_in1k").distilled).toBe(true);
    expect(explain("pit_b_distilled_224", "untrained").distilled).toBe(false);
  });
});
