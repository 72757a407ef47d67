import { describe, expect, test } from "vitest";
import { resolveDataConfig } from "../../../src/frontend/preprocess/data-config.ts";
import type { DataConfigOverrides } from "../../../src/frontend/preprocess/data-config.ts";
import { defaultCfg } from "../../../src/frontend/pretrained-cfg.ts";
import { expectError } from "./expect-error.ts";

const cfg = {
  ...defaultCfg,
  input_size: [3, 288, 288],
  test_input_size: [3, 320, 320],
  interpolation: "bilinear",
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  crop_pct: 0.95,
  test_crop_pct: 1,
  crop_mode: "squash",
} as const;

test("nothing given: timm's defaults", () => {
  expect(resolveDataConfig({})).toEqual({
    inputSize: [3, 224, 224],
    interpolation: "bicubic",
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    cropPct: 0.875,
    cropMode: "center",
  });
});

test("the configuration beats the defaults, and the training size is the default one", () => {
  expect(resolveDataConfig(cfg)).toEqual({
    inputSize: [3, 288, 288],
    interpolation: "bilinear",
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
    cropPct: 0.95,
    cropMode: "squash",
  });
});

test("the test size and crop on request, each where it is named", () => {
  expect(resolveDataConfig(cfg, { useTestSize: true })).toMatchObject({ inputSize: [3, 320, 320], cropPct: 1 });
  const plain = { ...cfg, test_input_size: null, test_crop_pct: null };
  expect(resolveDataConfig(plain, { useTestSize: true })).toEqual(resolveDataConfig(plain));
});

describe("overrides beat everything", () => {
  test("the input size, then the image size with its channels", () => {
    const size = (overrides: DataConfigOverrides) =>
      resolveDataConfig(cfg, { useTestSize: true, ...overrides }).inputSize;
    expect(size({ inputSize: [1, 20, 30], imgSize: 40, inChans: 3 })).toEqual([1, 20, 30]);
    expect(size({ imgSize: 40, inChans: 1 })).toEqual([1, 40, 40]);
    expect(size({ imgSize: 40 })).toEqual([3, 40, 40]);
    expect(size({ inChans: 1 })).toEqual([3, 320, 320]);
    expect(resolveDataConfig({}, { inChans: 1 }).inputSize).toEqual([1, 224, 224]);
  });

  test("the scalars", () => {
    const overrides = { interpolation: "lanczos", cropPct: 0.8, cropMode: "border", useTestSize: true } as const;
    expect(resolveDataConfig(cfg, overrides)).toMatchObject({
      interpolation: "lanczos",
      cropPct: 0.8,
      cropMode: "border",
    });
  });

  test("mean and std: one for all channels, or one each", async () => {
    expect(resolveDataConfig(cfg, { mean: [0.1], std: [0.2] })).toMatchObject({
      mean: [0.1, 0.1, 0.1],
      std: [0.2, 0.2, 0.2],
    });
    expect(resolveDataConfig(cfg, { mean: [0.1], inputSize: [1, 8, 8] }).mean).toEqual([0.1]);
    expect(resolveDataConfig(cfg, { mean: [0.1, 0.2, 0.3] }).mean).toEqual([0.1, 0.2, 0.3]);
    const error = await expectError("usage", () => resolveDataConfig(cfg, { std: [1, 2] }));
    expect(error.message).toBe("std has 2 numbers for an input of 3 channels");
  });
});

test.each<[string, DataConfigOverrides]>([
  ["crop_pct", { cropPct: 0 }],
  ["crop_pct", { cropPct: Number.NaN }],
  ["std", { std: [0] }],
  ["mean", { mean: [] }],
  ["input_size", { inputSize: [3, 0, 5] }],
  ["input_size", { imgSize: 1.5 }],
  ["input_size", { inChans: -1 }],
])("a malformed %s is refused by name: %j", async (name, overrides) => {
  const error = await expectError("usage", () => resolveDataConfig(cfg, overrides));
  expect(error.message).toContain(`${name} must be`);
});
