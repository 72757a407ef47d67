import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { readLocalDir, requireWeightsFile } from "../../src/frontend/local-dir.ts";
import { defaultCfg } from "../../src/frontend/pretrained-cfg.ts";
import { TimmcError } from "../../src/ir/error.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "timmc-local-dir-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (config: unknown, ...files: string[]): void => {
  const text = typeof config === "string" ? config : JSON.stringify(config);
  writeFileSync(join(folder, "config.json"), text);
  for (const name of files) writeFileSync(join(folder, name), "");
};

const refusal = (body: () => unknown): TimmcError => {
  try {
    body();
  } catch (error) {
    if (error instanceof TimmcError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
};

const labels = ["circle", "square", "triangle", "star", "cross", "ring", "hexagon", "crescent", "arrow", "heart"];

const modern = {
  architecture: "test_resnet",
  num_classes: 10,
  num_features: 96,
  pretrained_cfg: {
    tag: "shapes",
    custom_load: false,
    input_size: [3, 96, 96],
    interpolation: "bicubic",
    crop_pct: 1.0,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    num_classes: 10,
    pool_size: null,
    first_conv: "conv1.0",
    classifier: "fc",
  },
  label_names: labels,
};

describe("readLocalDir", () => {
  it("says what a config.json that is no file is", () => {
    mkdirSync(join(folder, "config.json"));
    expect(refusal(() => readLocalDir(folder)).message).toBe("this is a folder, not a file");
  });

  it.skipIf(process.platform === "win32")("does not wait for a pipe", () => {
    execFileSync("mkfifo", [join(folder, "config.json")]);
    expect(refusal(() => readLocalDir(folder)).message).toBe("this is not a regular file");
  });

  it("reads the present form", () => {
    write(modern, "model.safetensors");
    expect(readLocalDir(folder)).toEqual({
      path: folder,
      architecture: "test_resnet",
      modelArgs: {},
      pretrainedCfg: {
        ...defaultCfg,
        ...modern.pretrained_cfg,
        architecture: "test_resnet",
        source: "local-dir",
        file: folder,
        label_names: labels,
      },
      numClasses: 10,
      weightsFile: join(folder, "model.safetensors"),
      notices: [],
    });
  });

  it("lets root values win, and ignores what timm ignores", () => {
    write({
      ...modern,
      num_classes: 3,
      global_pool: "avg",
      library_name: "timm",
      model_args: { img_size: 64, depths: [1, 1] },
      label_names: { 0: "a", 2: "c" },
      label_descriptions: { a: "the first" },
      pretrained_cfg: { ...modern.pretrained_cfg, label_names: labels, label_descriptions: { a: "other" } },
    });
    const model = readLocalDir(folder);
    expect(model.numClasses).toBe(3);
    expect(model.pretrainedCfg.num_classes).toBe(3);
    expect(model.modelArgs).toEqual({ img_size: 64, depths: [1, 1] });
    expect(model.pretrainedCfg.label_names).toEqual({ 0: "a", 2: "c" });
    expect(model.pretrainedCfg.label_descriptions).toEqual({ a: "the first" });
    expect(model.notices).toEqual([]);
  });

  it("reads the old flat form", () => {
    write({ architecture: "resnet18", num_features: 512, num_classes: 2, input_size: [3, 64, 64], labels: ["x", "y"] });
    const model = readLocalDir(folder);
    expect(model.pretrainedCfg).toMatchObject({ num_classes: 2, input_size: [3, 64, 64], crop_pct: 0.875, tag: null });
    expect(model.pretrainedCfg.label_names).toEqual(["x", "y"]);
    expect(model.notices).toEqual([]);
  });

  it("accepts a deprecated name and a tag behind the architecture", () => {
    write({ architecture: "gluon_resnet18_v1b.any", pretrained_cfg: {} });
    const model = readLocalDir(folder);
    expect(model.architecture).toBe("resnet18");
    expect(model.pretrainedCfg.tag).toBeNull();
    expect(model.notices.join()).toContain("deprecated");
  });

  it("notices unknown fields of pretrained_cfg and labels beyond the classes", () => {
    write({ ...modern, num_classes: 4, pretrained_cfg: { croppct: 1, banana: 2 } });
    const notices = readLocalDir(folder).notices;
    expect(notices).toHaveLength(3);
    expect(notices[0]).toContain('"pretrained_cfg.croppct"');
    expect(notices[0]).toContain('"crop_pct"');
    expect(notices[1]).toContain("banana");
    expect(notices[2]).toContain("6 classes beyond the 4");
  });

  it("counts very many unknown fields instead of listing them", () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`unknown${index}`, 1]));
    write({ architecture: "resnet18", pretrained_cfg: many });
    const notices = readLocalDir(folder).notices;
    expect(notices).toHaveLength(9);
    expect(notices.at(-1)).toBe("4992 more unknown fields: ignored");
  });
});

describe("a hostile or broken config.json", () => {
  const base = { architecture: "resnet18" };
  it.each<[string, unknown, string]>([
    ["an array", [modern], "must hold an object, not"],
    ["a string", '"resnet18"', "must hold an object"],
    ["null", "null", "must hold an object"],
    ["nothing", "", "not JSON"],
    ["half a file", '{"architecture": "resnet18", ', "not JSON"],
    ["no architecture", { num_classes: 3, pretrained_cfg: {} }, "the key architecture is missing"],
    ["an inherited architecture", '{"__proto__": {"architecture": "resnet18"}}', "the key architecture is missing"],
    ["a null architecture", { architecture: null }, "the key architecture is missing"],
    ["an architecture of the wrong type", { architecture: ["resnet18"] }, "architecture must be a string"],
    ["an unknown architecture", { architecture: "resnet81" }, 'no architecture "resnet81"'],
    ["an architecture named constructor", { architecture: "constructor" }, 'no architecture "constructor"'],
    ["a null pretrained_cfg", { ...base, pretrained_cfg: null }, "pretrained_cfg must be an object, not null"],
    ["a list as pretrained_cfg", { ...base, pretrained_cfg: [] }, "pretrained_cfg must be an object"],
    ["a list as model_args", { ...base, pretrained_cfg: {}, model_args: [] }, "model_args must be an object"],
    ["model_args in the flat form", { ...base, model_args: { img_size: 9 } }, "model_args needs a pretrained_cfg"],
    ["a NaN", '{"architecture": "resnet18", "crop_pct": NaN}', "not JSON"],
    ["an infinite number", '{"architecture": "resnet18", "crop_pct": 1e999}', "crop_pct is too large"],
    [
      "an infinite model argument",
      '{"architecture": "resnet18", "pretrained_cfg": {}, "model_args": {"a": [-1e999]}}',
      "model_args.a.0 is too large",
    ],
    ["a NaN in a string", { ...base, crop_pct: "NaN" }, 'crop_pct must be a number from 0.01 to 100, not "NaN"'],
    ["text for num_classes", { ...base, num_classes: "10", pretrained_cfg: {} }, "num_classes must be an integer"],
    ["a fraction of a class", { ...base, num_classes: 1.5 }, "num_classes must be an integer"],
    ["too many classes", { ...base, num_classes: 1e15 }, "num_classes must be an integer"],
    ["a negative size", { ...base, pretrained_cfg: { input_size: [3, -1, 8] } }, "pretrained_cfg.input_size must be"],
    ["a huge size", { ...base, pretrained_cfg: { input_size: [3, 1e9, 8] } }, "pretrained_cfg.input_size must be"],
    ["a zero deviation", { ...base, pretrained_cfg: { std: [0, 0, 0] } }, "pretrained_cfg.std must be"],
    ["labels under names", { ...base, label_names: { cat: "dog" }, pretrained_cfg: {} }, "label_names must be"],
    ["a huge label index", { ...base, label_names: { 99999999999: "dog" } }, "label_names must be"],
    ["text as labels", { ...base, labels: "dog" }, "label_names must be"],
    ["descriptions as a list", { ...base, label_descriptions: ["x"] }, "label_descriptions must be"],
    ["deep nesting", `{"a": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`, "nested more than 32 deep"],
  ])("refuses %s", (_, config, message) => {
    write(config);
    const error = refusal(() => readLocalDir(folder));
    expect(error.code).toBe("config");
    expect(error.message).toContain(message);
    expect(error.trail).toEqual([join(folder, "config.json")]);
  });

  it("says what helps", () => {
    write({ architecture: "resnet81" });
    expect(refusal(() => readLocalDir(folder)).hint).toContain('"resnet18"');
    write('{"architecture": "resnet18", "crop_pct": NaN}');
    expect(refusal(() => readLocalDir(folder)).hint).toContain("not JSON");
    write({ architectures: ["BertModel"] });
    expect(refusal(() => readLocalDir(folder)).hint).toContain("transformers");
  });

  it("does not count brackets in strings as nesting", () => {
    write({ architecture: "resnet18", pretrained_cfg: { description: '\\"[['.repeat(100) } });
    expect(readLocalDir(folder).notices).toEqual([]);
  });

  it("refuses bytes that are not UTF-8 and files that are too large", () => {
    writeFileSync(join(folder, "config.json"), Buffer.from([0x7b, 0xff, 0x7d]));
    expect(refusal(() => readLocalDir(folder)).message).toContain("UTF-8");
    writeFileSync(join(folder, "config.json"), Buffer.alloc(17 * 1024 * 1024, 0x20));
    expect(refusal(() => readLocalDir(folder)).message).toContain("at most 16777216");
  });
});

describe("a folder that cannot be read", () => {
  it("is refused with the path", () => {
    const missing = join(folder, "missing");
    expect(refusal(() => readLocalDir(missing))).toMatchObject({ code: "io", trail: [missing] });
    write(modern);
    const file = join(folder, "config.json");
    expect(refusal(() => readLocalDir(file)).message).toContain("a file, not a folder");
  });

  it("needs a config.json that is a file", () => {
    expect(refusal(() => readLocalDir(folder))).toMatchObject({ code: "io", trail: [join(folder, "config.json")] });
    mkdirSync(join(folder, "config.json"));
    expect(refusal(() => readLocalDir(folder)).code).toBe("io");
  });

  it("is refused where a link points to itself", () => {
    symlinkSync("config.json", join(folder, "config.json"));
    expect(refusal(() => readLocalDir(folder))).toMatchObject({ code: "io", trail: [join(folder, "config.json")] });
  });
});

describe("the choice of weights", () => {
  it.each([
    [["model.safetensors", "pytorch_model.bin", "a.safetensors"], "model.safetensors"],
    [["pytorch_model.bin", "a.safetensors"], "pytorch_model.bin"],
    [["open_clip_model.safetensors", "model.pth"], "model.pth"],
    [["open_clip_pytorch_model.bin", "z.safetensors"], "open_clip_pytorch_model.bin"],
    [["z.bin", "b.pth", "a.pth.tar"], "b.pth"],
    [["z.bin", "a.pth.tar"], "a.pth.tar"],
    [["z.bin", "readme.md"], "z.bin"],
    [["model-1-of-2.safetensors", "model.safetensors.index.json"], "model.safetensors.index.json"],
    [["pytorch_model-1-of-2.bin", "pytorch_model.bin.index.json", "x.pth"], "pytorch_model.bin.index.json"],
    [["model.safetensors", "model.safetensors.index.json"], "model.safetensors"],
    [["weights.npz"], undefined],
  ])("among %j is %s", (files, expected) => {
    write(modern, ...files);
    const model = readLocalDir(folder);
    expect(model.weightsFile).toBe(expected === undefined ? undefined : join(folder, expected));
    expect(model.notices).toEqual([]);
  });

  it("notices several candidates", () => {
    write(modern, "b.safetensors", "a.safetensors");
    const model = readLocalDir(folder);
    expect(requireWeightsFile(model)).toBe(join(folder, "a.safetensors"));
    expect(model.notices).toEqual([`${folder} has 2 .safetensors files: a.safetensors is used`]);
  });

  it("passes over folders with a weights file's name, and follows links", () => {
    write(modern, "real.data");
    mkdirSync(join(folder, "model.safetensors"));
    symlinkSync("real.data", join(folder, "pytorch_model.bin"));
    expect(readLocalDir(folder).weightsFile).toBe(join(folder, "pytorch_model.bin"));
  });

  it("reports a folder without weights when they are needed", () => {
    write(modern);
    const model = readLocalDir(folder);
    expect(model.weightsFile).toBeUndefined();
    const error = refusal(() => requireWeightsFile(model));
    expect(error).toMatchObject({ code: "io", trail: [folder] });
    expect(error.hint).toContain("model.safetensors");
  });
});
