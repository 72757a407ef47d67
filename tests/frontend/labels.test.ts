import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { labelNamesOf } from "../../src/frontend/labels.ts";
import { type PretrainedCfg, hasWeights, overlay } from "../../src/frontend/pretrained-cfg.ts";
import { parseReference } from "../../src/frontend/reference.ts";
import { listArchitectures, pretrainedCfg, pretrainedTags } from "../../src/frontend/registry.ts";

const model = (architecture: string, tag: string, cfg: PretrainedCfg = pretrainedCfg(architecture, tag)) => ({
  reference: parseReference(`${architecture}.${tag}`),
  architecture,
  tag,
  cfg,
  numClasses: cfg.num_classes,
});

const resnet50 = model("resnet50", "a1_in1k");

describe("the names of ImageNet-1k", () => {
  const names = labelNamesOf(resnet50, true) ?? [];

  it("are a thousand, one per class in ILSVRC's order, no two alike", () => {
    expect(names).toHaveLength(1000);
    expect(new Set(names).size).toBe(1000);
    const known = { 0: "tench, Tinca tinca", 281: "tabby, tabby cat", 404: "airliner", 999: "toilet tissue" };
    for (const [index, name] of Object.entries(known)) expect(names[Number(index)]).toContain(name);
    expect([names[134], names[517]]).toEqual(["crane (wading bird)", "crane (lifting device)"]);
    expect(names.every((name) => name !== null && /^\S.*\S$/.test(name) && !/[_\t]/.test(name))).toBe(true);
  });

  it("come from as many synsets, in the order of their ids, which is ILSVRC's", () => {
    const ids = readFileSync(new URL("../../scripts/in1k-synsets.txt", import.meta.url), "utf8")
      .trim()
      .split("\n");
    expect(new Set(ids).size).toBe(1000);
    expect(ids).toEqual(ids.toSorted());
    expect(ids.every((id) => /^n\d{8}$/.test(id))).toBe(true);
  });
});

describe("whose names they are", () => {
  it("is every model with weights whose tag ends in in1k, and no other", () => {
    const pairs = listArchitectures().flatMap((a) => pretrainedTags(a).map((tag) => model(a, tag)));
    const trained = pairs.filter(({ cfg }) => hasWeights(cfg));
    const [named, others] = [true, false].map((has) => trained.filter((m) => (labelNamesOf(m, true) !== null) === has));
    expect(named?.length).toBeGreaterThan(1250);
    expect(named?.every(({ tag, cfg }) => /in1k(?:_\d+)?$/.test(tag) && cfg.num_classes === 1000)).toBe(true);
    expect(others?.filter(({ cfg }) => cfg.num_classes === 1000).map((m) => `${m.architecture}.${m.tag}`)).toEqual([
      "resmlp_12_224.fb_dino",
      "resmlp_24_224.fb_dino",
    ]);
  });

  it("is not a file's, nor that of other classes, of a folder, or of another repository", () => {
    expect(labelNamesOf(resnet50, false)).toBeNull();
    expect(labelNamesOf({ ...resnet50, numClasses: 10 }, true)).toBeNull();
    expect(labelNamesOf({ ...resnet50, reference: parseReference("local-dir:resnet50") }, true)).toBeNull();
    const at = (repo: string) => ({
      ...resnet50,
      reference: parseReference(`hf-hub:${repo}`),
      cfg: overlay(resnet50.cfg, { hf_hub_id: repo }),
    });
    expect(labelNamesOf(at("timm/resnet50.a1_in1k"), true)).toHaveLength(1000);
    expect(labelNamesOf(at("someone/resnet50.a1_in1k"), true)).toBeNull();
  });

  it("is the configuration's to say first, with gaps where it names none", () => {
    const named = (label_names: unknown) => ({
      ...resnet50,
      cfg: overlay(resnet50.cfg, { label_names }),
      numClasses: 3,
    });
    expect(labelNamesOf(named(["a", "b", "c", "d"]), true)).toEqual(["a", "b", "c"]);
    expect(labelNamesOf(named({ 0: "a", 2: "c" }), false)).toEqual(["a", null, "c"]);
  });
});
