import { describe, expect, it } from "vitest";
import { licenceKind, licenceNotices } from "../../src/frontend/licence.ts";
import { listArchitectures, pretrainedCfg, pretrainedTags } from "../../src/frontend/registry.ts";

describe("licences of weights", () => {
  it("are all classified that the registry has", () => {
    const counts = new Map<string, string>();
    for (const architecture of listArchitectures())
      for (const tag of pretrainedTags(architecture)) {
        const { license } = pretrainedCfg(architecture, tag);
        counts.set(license ?? "none", licenceKind(license));
      }
    expect(Object.fromEntries([...counts].toSorted())).toMatchInlineSnapshot(`
      {
        "apache-2.0": "permissive",
        "apple-amlr": "non-commercial",
        "apple-ascl": "own-terms",
        "bsd-3-clause": "permissive",
        "cc-by-4.0": "permissive",
        "cc-by-nc-4.0": "non-commercial",
        "cvnets-license": "own-terms",
        "dinov3-license": "own-terms",
        "fair-noncommercial-research-license": "non-commercial",
        "fastvit-license": "own-terms",
        "gemma": "own-terms",
        "mit": "permissive",
        "mobileone-license": "own-terms",
        "none": "unknown",
        "seer-license": "non-commercial",
        "unknown": "unknown",
      }
    `);
  });

  it.each([
    ["CC-BY-NC-4.0", "non-commercial"],
    ["cc-by-nc-sa-4.0", "non-commercial"],
    ["cc-by-nc-nd-3.0", "non-commercial"],
    ["Non-Commercial licence of someone", "non-commercial"],
    ["acme-noncommercial", "non-commercial"],
    ["research-only", "non-commercial"],
    ["ncsa", "own-terms"],
    ["openrail", "own-terms"],
    [" MIT ", "permissive"],
    ["", "unknown"],
    [null, "unknown"],
  ])("%s is %s", (licence, kind) => {
    expect(licenceKind(licence)).toBe(kind);
    const notices = licenceNotices({ architecture: "resnet18", tag: "any", cfg: { license: licence } });
    expect(notices).toEqual(
      kind === "non-commercial"
        ? [`the pretrained weights of resnet18.any are under ${licence}, which allows no commercial use`]
        : [],
    );
  });
});
