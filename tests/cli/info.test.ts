import { describe, expect, it } from "vitest";
import type { Inspection } from "../../src/driver/inspect.ts";
import type { ModelInfo } from "../../src/driver/info.ts";
import { explain } from "../../src/frontend/names/explain.ts";
import { findName, listAliases } from "../../src/frontend/registry.ts";
import { shapesModel } from "../driver/workspace.ts";
import { cli, cliJson } from "./run-cli.ts";

const info = async (...args: string[]) => (await cliJson("info", ...args)) as ModelInfo;

describe("info", () => {
  it("resolves a name to its configuration and published results", async () => {
    const report = await info("resnet50");
    expect(report).toMatchObject({
      model: "resnet50",
      architecture: "resnet50",
      tag: "a1_in1k",
      family: "resnet",
      supported: true,
      reason: null,
      num_classes: 1000,
      fixed_input_size: false,
      licence: "apache-2.0",
      hub_id: "timm/resnet50.a1_in1k",
      preprocessing: { input_size: [3, 224, 224], interpolation: "bicubic", crop_pct: 0.95, crop_mode: "center" },
    });
    expect(report.published.map((r) => r.img_size)).toEqual([224, 288]);
    expect(report.tags[0]).toBe("a1_in1k");
  });

  it("counts parameters and MACs as inspect does, at the size asked for", async () => {
    const args = ["resnet50", "--use-test-size", "--arg", "num_classes=10"];
    const report = await info(...args);
    const inspection = (await cliJson("inspect", ...args)) as Inspection;
    expect(report.definition).toMatchObject({ params: inspection.params, macs: inspection.macs });
    expect(report.preprocessing).toMatchObject({ input_size: [3, 288, 288], crop_pct: 1 });
    expect(report.num_classes).toBe(10);
  });

  it("gives the arguments with the values that the model has", async () => {
    const values = async (...args: string[]) =>
      new Map((await info(...args)).definition?.arguments.map((a) => [a.name, a.value]));
    expect((await values("resnet101")).get("layers")).toEqual([3, 4, 23, 3]);
    expect((await values("resnet101", "--arg", "layers=[1,1,1,1]")).get("layers")).toEqual([1, 1, 1, 1]);
    expect((await values("resnet101")).get("features_only")).toBe(false);
    expect((await values("resnet101")).has("block")).toBe(false);
  });

  it("knows a family that is not defined from the registry alone", async () => {
    const report = await info("gemma4_vit_167m");
    expect(report).toMatchObject({ supported: false, definition: null, licence: "apache-2.0", num_classes: 0 });
    expect(report.reason).toContain("the family gemma4_vit is refused: its input is a dictionary of patches");
    expect(report.preprocessing.input_size).toEqual([3, 768, 768]);
  });

  it("reads a local folder, whose results nobody has published", async () => {
    const report = await info(`local-dir:${shapesModel}`);
    expect(report).toMatchObject({ architecture: "test_resnet", num_classes: 10, named_classes: 10, published: [] });
    expect(report.preprocessing).toMatchObject({ input_size: [3, 96, 96], mean: [0.5, 0.5, 0.5] });
  });

  it("overlays the pretrained configuration, and says that a name is deprecated", async () => {
    const report = await info("resnet18", "--cfg", "crop_pct=0.5");
    expect(report.preprocessing.crop_pct).toBe(0.5);
    expect(report.pretrained_cfg.crop_pct).toBe(0.5);
    const { out, err } = await cli(["info", "vit_tiny_patch16_224_in21k"]);
    expect(err).toMatch(/^note: "vit_tiny_patch16_224_in21k" is a deprecated name/);
    expect(out).toMatch(/^architecture +vit_tiny_patch16_224$/m);
  });

  it("takes the name apart, with the configuration's differences", async () => {
    const { name } = await info("resmlp_12_224.fb_dino");
    expect(name).toMatchObject({
      name: "resmlp_12_224.fb_dino",
      architecture: { line: "resmlp", resolution: { size: 224 } },
      tag: { org: "fb", objectives: ["dino"], unknown: [], distilled: false },
      contradictions: [{ field: "num_classes", predicted: "0 or a projection", recorded: "1000" }],
    });
    expect(name.pieces.map(({ text, kind }) => [text, kind])).toEqual([
      ["resmlp", "line"],
      ["12", "other"],
      ["224", "resolution"],
      ["fb", "organisation"],
      ["dino", "objective"],
    ]);
    const { out } = await cli(["info", "resmlp_12_224.fb_dino"]);
    expect(out).toContain("contradiction: num_classes is 1000, by the name 0 or a projection: ");
  });

  it("draws which piece of the name says what, under its letters", async () => {
    const { out } = await cli(["info", "vit_base_patch16_clip_384.laion2b_ft_in12k_in1k"]);
    const at = out.indexOf("\nvit_base_patch16_clip_384.laion2b", 1);
    expect(
      out
        .slice(at + 1)
        .split("\n")
        .slice(0, 11)
        .join("\n"),
    ).toMatchInlineSnapshot(`
      "vit_base_patch16_clip_384.laion2b_ft_in12k_in1k
      vit                                              line        model line
          base                                         size        size within the line
               patch16                                 patch       patches of 16 x 16 pixels
                       clip                            objective   CLIP's variant, for images matched with texts
                            384                        resolution  input of 384 x 384 pixels
                                laion2b                data        LAION-2B, image-text pairs
                                        ft             mark        fine-tuned on what follows
                                           in12k       labels      ImageNet-12k, timm's 11,821 classes of ImageNet-22k
                                                 in1k  labels      ImageNet-1k, 1,000 classes
      weights: trained on LAION-2B (CLIP), then fine-tuned on ImageNet-12k, then fine-tuned on ImageNet-1k"
    `);
  });

  it("reports tokens that it does not know, and keeps them", async () => {
    const { name } = await info(`local-dir:${shapesModel}`);
    expect(name.tag).toMatchObject({ tag: "shapes", unknown: ["shapes"] });
    const { out } = await cli(["info", `local-dir:${shapesModel}`]);
    expect(out).toMatch(/^ {12}shapes {2}unknown  +unknown token$/m);
  });

  it("takes apart what a deprecated name stands for, and says that it is deprecated", () => {
    for (const [alias, target] of listAliases()) {
      const found = findName(alias);
      expect(found?.notices).toEqual([`"${alias}" is a deprecated name that timm maps to "${target}"`]);
      expect(explain(found?.architecture ?? "", found?.tag ?? "").tag.unknown).toEqual([]);
    }
  });

  it("prints facts for people", async () => {
    const { out, status } = await cli(["info", "test_resnet"]);
    expect(status).toBe(0);
    expect(out.split("\n").slice(0, 15).join("\n")).toMatchInlineSnapshot(`
      "test_resnet
      architecture  test_resnet
      tag           r160_in1k
      all tags      r160_in1k
      family        resnet, https://arxiv.org/abs/1512.03385
      supported     yes
      parameters    470 k
      MACs          104 M
      classes       1000, 1000 named
      input size    3,160,160 (free)
      mean          0.5, 0.5, 0.5
      std           0.5, 0.5, 0.5
      resize        bilinear, crop 0.95 center
      licence       apache-2.0
      Hub id        timm/test_resnet.r160_in1k"
    `);
  });
});
