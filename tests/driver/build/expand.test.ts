import { array, assert, constantFrom, option, property, record, subarray } from "fast-check";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { canonicalText } from "../../../src/driver/cache/canonical.ts";
import { checkConfig } from "../../../src/driver/build/config.ts";
import { expand } from "../../../src/driver/build/expand.ts";
import type { BuildConfig, Expansion, PartialFields } from "../../../src/driver/build/variant.ts";
import { TimmcError } from "../../../src/ir/error.ts";

const root = join(import.meta.dirname, "../../..");
const expanded = (config: BuildConfig): Expansion => expand(checkConfig(config, "f"), root);
const namesOf = (config: BuildConfig): string[] => expanded(config).variants.map((v) => v.name);

function refused(config: BuildConfig): string {
  try {
    return namesOf(config).join();
  } catch (error) {
    if (error instanceof TimmcError) return `${error.code}: ${error.describe()}`;
    throw error;
  }
}

describe("axes", () => {
  it("are combined, the models outermost, and a name says where variants differ", () => {
    expect(
      namesOf({ models: ["test_vit", "test_resnet"], inputSizes: [64, [64, 96]], targets: ["onnx", "webgpu"] }),
    ).toEqual([
      "test_vit.r160_in1k/64x64-onnx",
      "test_vit.r160_in1k/64x64-webgpu",
      "test_vit.r160_in1k/64x96-onnx",
      "test_vit.r160_in1k/64x96-webgpu",
      "test_resnet.r160_in1k/64x64-onnx",
      "test_resnet.r160_in1k/64x64-webgpu",
      "test_resnet.r160_in1k/64x96-onnx",
      "test_resnet.r160_in1k/64x96-webgpu",
    ]);
  });

  it("of one value hold for every variant", () => {
    const { variants, varying } = expanded({ models: ["test_vit"], taps: ["features", "logits"], weights: "none" });
    expect(variants).toMatchObject([
      { name: "test_vit.r160_in1k/default", fields: { taps: ["features", "logits"], weights: "none" } },
    ]);
    expect(varying).toEqual([]);
  });

  it("take globs over architectures and tags as timmc list does", () => {
    const { variants } = expanded({ models: ["resnet50.a[12]_in1k", "test_resne?"] });
    expect(variants.map((v) => v.fields.model)).toEqual([
      "resnet50.a1_in1k",
      "resnet50.a2_in1k",
      "test_resnet.r160_in1k",
    ]);
    expect(refused({ models: ["resnt*"] })).toMatch(
      /^config: models > 0: the pattern "resnt\*" selects no model\n.*"resnet\*"/,
    );
    expect(refused({ models: ["resnet50.a9*"] })).toMatch(/The tags there are a1_in1k/);
    expect(refused({ models: ["gemma4_vit*"] })).toMatch(/selects no model that timmc compiles/);
    expect(refused({ models: ["resnett50"] })).toMatch(/timm has no architecture "resnett50"\n.*"resnet50"/);
  });

  it("are refused where there are too many, with the count and before they are made", () => {
    const inputSizes = Array.from({ length: 400 }, (_, i) => 32 * (i + 1));
    expect(refused({ models: ["*"], inputSizes, opsets: [17, 18, 19, 20], batch: [1, 2, 3] })).toMatch(
      /^config: these are [\d,]+ variants \(\d+ models x 400 inputSizes x 3 batch x 4 opsets\), and a build has at most 10,000/,
    );
    const entries = Array.from({ length: 40 }, (_, i) => ({ model: "*", batch: i + 1 }));
    expect(refused({ models: ["test_vit"], batch: [100], include: entries })).toMatch(/at most 10,000/);
  });

  it("give a size its channels", () => {
    const { variants } = expanded({
      models: ["test_vit", "local-dir:examples/models/test_resnet.shapes"],
      inputSizes: [64],
      args: [{}, { in_chans: 1 }],
    });
    expect(variants.map((v) => v.fields.inputSize)).toEqual([
      [3, 64, 64],
      [1, 64, 64],
      [3, 64, 64],
      [1, 64, 64],
    ]);
    expect(refused({ models: ["hf-hub:timm/x"], inputSizes: [64] })).toMatch(
      /known to the Hub alone\n.*\[3, 256, 256\]/,
    );
  });
});

describe("what a target has no place for", () => {
  it("is dropped, and what is the same then is merged", () => {
    const { variants, leftOut } = expanded({
      models: ["test_vit"],
      targets: ["onnx", "webgpu"],
      opsets: [17, 21],
      batch: ["dynamic", 1],
    });
    expect(variants.map((v) => v.name)).toEqual([
      "test_vit.r160_in1k/onnx-opset17",
      "test_vit.r160_in1k/onnx-opset21",
      "test_vit.r160_in1k/onnx-b1-opset17",
      "test_vit.r160_in1k/onnx-b1-opset21",
      "test_vit.r160_in1k/webgpu",
    ]);
    expect(leftOut.map((l) => l.reason)).toEqual([
      "the target webgpu has no dynamic batch, the target webgpu has no opset: the same as test_vit.r160_in1k/webgpu",
      "the target webgpu has no opset: the same as test_vit.r160_in1k/webgpu",
      "the target webgpu has no opset: the same as test_vit.r160_in1k/webgpu",
    ]);
    for (const { fields } of variants.filter((v) => v.fields.target === "webgpu")) {
      expect(fields).not.toHaveProperty("opset");
      expect(fields).not.toHaveProperty("batch");
    }
  });
});

describe("include and exclude", () => {
  it("are GitHub's own example", () => {
    // https://docs.github.com/actions/using-jobs/using-a-matrix: fruit is the model, animal the target, shape and colour are batch and taps.
    const { variants } = expanded({
      models: ["test_vit", "test_resnet"],
      targets: ["onnx", "webgpu"],
      include: [
        { taps: ["green"] },
        { taps: ["pink"], target: "onnx" },
        { model: "test_vit", batch: 3 },
        { model: "test_efficientnet" },
        { model: "test_efficientnet", target: "onnx", softmax: true },
      ],
    });
    expect(
      variants.map(({ fields: { model, target, taps, batch, softmax } }) => [model, target, taps, batch, softmax]),
    ).toEqual([
      ["test_vit.r160_in1k", "onnx", ["pink"], 3, undefined],
      ["test_vit.r160_in1k", "webgpu", ["green"], 3, undefined],
      ["test_resnet.r160_in1k", "onnx", ["pink"], undefined, undefined],
      ["test_resnet.r160_in1k", "webgpu", ["green"], undefined, undefined],
      ["test_efficientnet.r160_in1k", "onnx", undefined, undefined, undefined],
      ["test_efficientnet.r160_in1k", "onnx", undefined, undefined, true],
    ]);
  });

  it("say what matches nothing", () => {
    const { notices } = expanded({ models: ["test_vit"], exclude: [{ model: "resnet*" }] });
    expect(notices).toEqual(['exclude > 0, {"model":"resnet*"}, matches no variant that is left']);
    expect(refused({ models: ["test_vit"], targets: ["onnx"], include: [{ target: "cuda" }] })).toMatch(
      /^config: include > 0: \{"target":"cuda"\} matches no variant, and names no model/,
    );
    expect(refused({ models: ["test_vit"], exclude: [{ model: "*" }] })).toMatch(/no variant is left/);
  });

  it("compare a size by its sides", () => {
    const sizes = { models: ["test_vit"], inputSizes: [64, [64, 64], [3, 64, 64], 96, "test"] } as const;
    expect(namesOf({ ...sizes, exclude: [{ inputSize: 64 }] })).toEqual([
      "test_vit.r160_in1k/96x96",
      "test_vit.r160_in1k/test",
    ]);
  });

  const models = ["test_vit.r160_in1k", "test_resnet.r160_in1k"];
  const axes = record(
    {
      targets: subarray(["onnx", "cuda"] as const, { minLength: 1 }),
      opsets: subarray([17, 18, 19], { minLength: 1 }),
      taps: subarray([["logits"], ["features"]], { minLength: 1 }),
    },
    { requiredKeys: [] },
  );
  const partial = record(
    {
      model: constantFrom(...models),
      target: constantFrom("onnx" as const, "cuda" as const),
      opset: constantFrom(17, 18, 19),
      taps: constantFrom(["logits"], ["features"]),
      softmax: constantFrom(true),
    },
    { requiredKeys: [] },
  );
  const entries = option(array(partial, { maxLength: 4 }), { nil: undefined });

  /** GitHub's rules by their words, without a thought of speed. */
  function oracle(config: BuildConfig): PartialFields[] {
    const keys = { model: config.models, target: config.targets, opset: config.opsets, taps: config.taps } as const;
    let all: Record<string, unknown>[] = [{}];
    for (const [key, values] of Object.entries(keys))
      if (Array.isArray(values)) all = all.flatMap((c) => values.map((value: unknown) => ({ ...c, [key]: value })));
    const same = (a: unknown, b: unknown): boolean => canonicalText(a) === canonicalText(b);
    const original = all.filter(
      (c) => !(config.exclude ?? []).some((e) => Object.entries(e).every(([k, v]) => k in c && same(c[k], v))),
    );
    const result = original.map((c) => ({ ...c }));
    const own: PartialFields[] = [];
    for (const entry of config.include ?? []) {
      const added = original.flatMap((c, i) =>
        Object.entries(entry).every(([k, v]) => !(k in c) || same(c[k], v)) ? [i] : [],
      );
      for (const i of added) Object.assign(result[i] ?? {}, entry);
      if (added.length === 0) own.push(entry);
    }
    return [...result, ...own];
  }

  /** As the expansion normalises. */
  const normal = ({ target = "onnx", opset = 17, taps, model, softmax }: PartialFields): string =>
    canonicalText([model, target, target === "onnx" ? opset : null, taps ?? null, softmax ?? false]);

  it("follow GitHub's rules on any matrix", () => {
    assert(
      property(axes, entries, entries, (given, include, exclude) => {
        const config: BuildConfig = { models, ...given, ...(include && { include }), ...(exclude && { exclude }) };
        const expected = oracle(config);
        if (expected.length === 0 || expected.some((c) => c.model === undefined)) {
          expect(refused(config)).toMatch(/^config: /);
          return;
        }
        expect(new Set(expanded(config).variants.map((v) => normal(v.fields)))).toEqual(new Set(expected.map(normal)));
      }),
      { numRuns: 300 },
    );
  });

  it("leave nothing unsaid: variants and what is left out are the whole matrix", () => {
    assert(
      property(axes, entries, (given, exclude) => {
        const config: BuildConfig = { models, ...given, ...(exclude && { exclude }) };
        const size = [given.targets, given.opsets, given.taps].reduce(
          (n, list) => n * (list?.length ?? 1),
          models.length,
        );
        if (refused(config).startsWith("config: ")) return;
        const { variants, leftOut } = expanded(config);
        expect(variants.length + leftOut.length).toBe(size);
        expect(leftOut.every(({ reason }) => reason !== "")).toBe(true);
      }),
    );
  });
});
