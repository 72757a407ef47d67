import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resolveDataConfig } from "../../../src/frontend/preprocess/data-config.ts";
import type { DataConfig } from "../../../src/frontend/preprocess/data-config.ts";
import { decodeImage } from "../../../src/frontend/preprocess/decode.ts";
import type { RgbImage } from "../../../src/frontend/preprocess/image.ts";
import { preprocess, preprocessPixels } from "../../../src/frontend/preprocess/transform.ts";
import type { PretrainedCfg } from "../../../src/frontend/pretrained-cfg.ts";
import { dataPath, readJson, sha256 } from "./data-files.ts";
import { expectError } from "./expect-error.ts";

/** timm's own transform under Pillow 9.4: 32 samples at flat indices floor(k (n - 1) / 31), with 7 significant digits; std divides by n - 1. */
interface Case {
  readonly image: string;
  readonly config: Pick<PretrainedCfg, "input_size" | "interpolation" | "crop_pct" | "crop_mode" | "mean" | "std">;
  readonly sha256_uint8_chw: string;
  readonly mean: number;
  readonly std: number;
  readonly samples: readonly number[];
}

const { cases } = readJson("expected.json") as { readonly cases: readonly Case[] };

describe("timm's transform, to the bit", () => {
  const title = ({ image, config }: Case) =>
    `${image} ${config.input_size.join("x")} ${config.interpolation} ${config.crop_mode} ${config.crop_pct}`;

  test.each(cases.map((entry) => [title(entry), entry] as const))("%s", async (_, entry) => {
    const image = await decodeImage(dataPath(entry.image));
    const config = resolveDataConfig(entry.config);
    expect(sha256(preprocessPixels(image, config))).toBe(entry.sha256_uint8_chw);
    const tensor = preprocess(image, config);
    const last = tensor.length - 1;
    const samples = entry.samples.map((_, k) =>
      digits(tensor[Math.floor((k * last) / (entry.samples.length - 1))] ?? 0),
    );
    expect(samples).toEqual(entry.samples);
    const mean = tensor.reduce((sum, value) => sum + value, 0) / tensor.length;
    const variance = tensor.reduce((sum, value) => sum + (value - mean) ** 2, 0) / last;
    expect(mean).toBeCloseTo(entry.mean, 6);
    expect(Math.sqrt(variance)).toBeCloseTo(entry.std, 6);
  });
});

const digits = (value: number): number => Number(value.toPrecision(7));

const configOf = (changes: Partial<DataConfig>): DataConfig => ({ ...resolveDataConfig({}), ...changes });

const flat = (width: number, height: number, colour: readonly [number, number, number]): RgbImage => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, at) => colour[at % 3] ?? 0),
});

const anyConfig = fc
  .record({
    height: fc.integer({ min: 1, max: 40 }),
    width: fc.integer({ min: 1, max: 40 }),
    cropPct: fc.constantFrom(0.5, 0.875, 0.9, 0.95, 0.965, 1),
    cropMode: fc.constantFrom("center" as const, "squash" as const),
    interpolation: fc.constantFrom("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"),
  })
  .map(({ height, width, ...rest }) => configOf({ inputSize: [3, height, width], ...rest }));

const side = fc.integer({ min: 1, max: 60 });

describe("laws", () => {
  test("the output has the input's shape, and a plain picture stays plain where it fills the crop", () => {
    fc.assert(
      fc.property(side, side, anyConfig, (width, height, config) => {
        const pixels = preprocessPixels(flat(width, height, [10, 200, 77]), config);
        const area = config.inputSize[1] * config.inputSize[2];
        expect(pixels.length).toBe(3 * area);
        const values = [0, 1, 2].map((channel) => [...new Set(pixels.subarray(channel * area, (channel + 1) * area))]);
        expect(values).toEqual([[10], [200], [77]]);
      }),
    );
  });

  test("a picture of the crop's own size passes unchanged at crop_pct 1", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.constantFrom("center", "squash", "border"), (size, cropMode) => {
        const data = Uint8Array.from({ length: size * size * 3 }, (_, at) => (at * 37) & 255);
        const config = configOf({ inputSize: [3, size, size], cropPct: 1, cropMode });
        const pixels = preprocessPixels({ width: size, height: size, data }, config);
        expect([...pixels]).toEqual([0, 1, 2].flatMap((channel) => [...data].filter((_, at) => at % 3 === channel)));
      }),
    );
  });

  test("normalisation is two float32 roundings of float32 constants", () => {
    const config = configOf({ inputSize: [3, 16, 16], cropPct: 1 });
    const image: RgbImage = {
      width: 16,
      height: 16,
      data: Uint8Array.from({ length: 768 }, (_, at) => Math.floor(at / 3)),
    };
    const tensor = preprocess(image, config);
    for (let byte = 0; byte < 256; byte++) {
      const unit = Math.fround(byte / 255);
      const shifted = Math.fround(unit - Math.fround(0.485));
      expect(tensor[byte]).toBe(Math.fround(shifted / Math.fround(0.229)));
    }
  });
});

describe("padding", () => {
  const config = configOf({
    inputSize: [3, 5, 5],
    cropPct: 1,
    cropMode: "border",
    mean: [0.5, 0, 1.5],
    std: [1, 1, 1],
  });
  const middle = (pixels: Uint8Array) => Array.from({ length: 5 }, (_, row) => pixels[row * 5 + 2]);

  test("border mode keeps the whole picture in the mean colour: rounded half to even, clipped to a byte", () => {
    const pixels = preprocessPixels(flat(10, 4, [9, 8, 7]), config);
    expect(middle(pixels)).toEqual([128, 9, 9, 128, 128]);
    expect(middle(pixels.subarray(25))).toEqual([0, 8, 8, 0, 0]);
    expect(middle(pixels.subarray(50))).toEqual([255, 7, 7, 255, 255]);
  });

  test("a crop larger than the resized picture is padded in black", () => {
    const large = configOf({ inputSize: [3, 5, 5], cropPct: 2, cropMode: "squash" });
    expect(middle(preprocessPixels(flat(10, 10, [9, 8, 7]), large))).toEqual([0, 9, 9, 0, 0]);
  });
});

describe("one channel", () => {
  const image = flat(20, 20, [255, 0, 0]);

  test("is Pillow's luma, normalised with its own mean", () => {
    const config = configOf({ inputSize: [1, 4, 4], mean: [0.5], std: [0.25] });
    expect([...preprocessPixels(image, config)]).toEqual(Array.from({ length: 16 }, () => 76));
    expect(preprocess(image, config)[0]).toBe(Math.fround(Math.fround(Math.fround(76 / 255) - 0.5) / 0.25));
  });

  test("with a mean of three, takes the average as timm's loader does", () => {
    const config = configOf({ inputSize: [1, 4, 4] });
    const mean = Math.fround(((0.485 + 0.456 + 0.406) / 3) * 255);
    const std = Math.fround(((0.229 + 0.224 + 0.225) / 3) * 255);
    expect(preprocess(image, config)[0]).toBe(Math.fround(Math.fround(76 - mean) / std));
  });

  test("has no border colour in a mean of three", async () => {
    const config = configOf({ inputSize: [1, 4, 4], cropPct: 1, cropMode: "border" });
    await expectError("unsupported", () => preprocess(flat(20, 10, [1, 1, 1]), config));
  });
});

describe("refusals", () => {
  const image = flat(4, 4, [1, 2, 3]);

  test.each([2, 4])("%i channels", async (channels) => {
    const error = await expectError("unsupported", () => preprocess(image, configOf({ inputSize: [channels, 8, 8] })));
    expect(error.message).toContain(`${channels} channels`);
  });

  test("random interpolation", async () => {
    await expectError("unsupported", () => preprocess(image, configOf({ interpolation: "random" })));
  });

  test("a crop fraction that leaves nothing to resize to", async () => {
    await expectError("unsupported", () => preprocess(image, configOf({ inputSize: [3, 4, 4], cropPct: 5 })));
  });

  test.each([0.5, 1, 100])("an input of gigabytes, at crop_pct %d", async (cropPct) => {
    const config = configOf({ inputSize: [3, 65_535, 65_535], cropPct });
    await expectError("unsupported", () => preprocess(image, config));
  });

  test("bytes that do not fit the size", async () => {
    await expectError("usage", () => preprocess({ ...image, width: 5 }, configOf({})));
    await expectError("usage", () => preprocess({ width: 0, height: 0, data: new Uint8Array() }, configOf({})));
  });

  test("a picture so narrow that border mode leaves no column", async () => {
    const config = configOf({ inputSize: [3, 4, 4], cropPct: 1, cropMode: "border" });
    await expectError("unsupported", () => preprocess(flat(1, 1000, [1, 2, 3]), config));
  });
});

test("a line of a hundred thousand pixels costs only its crop", () => {
  const pixels = preprocessPixels(flat(100_000, 1, [1, 2, 3]), configOf({}));
  expect(pixels.length).toBe(3 * 224 * 224);
  expect(new Set(pixels)).toEqual(new Set([1, 2, 3]));
});
