import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { ts } from "ts-morph";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../../src/frontend/preprocess/decode.ts";
import { type InputContract, pictureTensor } from "../../../src/frontend/preprocess/index.ts";
import { preprocess, preprocessPixels } from "../../../src/frontend/preprocess/transform.ts";

const root = join(import.meta.dirname, "../../..");
const picture = join(root, "examples/models/pictures/ring-1.png");

const contract: InputContract = {
  shape: [1, 3, 80, 72],
  layout: "NCHW",
  normalized: "outside",
  mean: [0.5, 0.4, 0.3],
  std: [0.2, 0.25, 0.3],
  interpolation: "bicubic",
  crop_pct: 0.875,
  crop_mode: "center",
};
const config = {
  inputSize: [3, 80, 72],
  mean: contract.mean,
  std: contract.std,
  interpolation: "bicubic",
  cropPct: 0.875,
  cropMode: "center",
} as const;

/** As a canvas has it, with an alpha that says nothing. */
async function rgba() {
  const { width, height, data } = await decodeImage(picture);
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) pixels.set([...data.subarray(3 * i, 3 * i + 3), i % 256], 4 * i);
  return { width, height, data: pixels };
}

describe("the input tensor of a picture", () => {
  it("is timm's, in planes", async () => {
    const { dims, data } = pictureTensor(await rgba(), contract);
    expect(dims).toEqual([1, 3, 80, 72]);
    expect(data).toEqual(preprocess(await decodeImage(picture), config));
  });

  it("is the pixels' bytes for a model that normalises itself", async () => {
    const { dims, data } = pictureTensor(await rgba(), {
      ...contract,
      shape: ["N", 80, 72, 3],
      layout: "NHWC",
      normalized: "inside",
    });
    expect(dims).toEqual([1, 80, 72, 3]);
    const planes = preprocessPixels(await decodeImage(picture), config);
    for (const at of [0, 1, 1000, 80 * 72 - 1])
      for (const c of [0, 1, 2]) expect(data[3 * at + c]).toBe(planes[c * 80 * 72 + at]);
  });

  it("refuses what is no picture, or more than one", async () => {
    const image = await rgba();
    expect(() => pictureTensor(image, { ...contract, shape: [1, 3, "H", "W"] })).toThrow("has no fixed size");
    expect(() => pictureTensor(image, { ...contract, shape: [4, 3, 8, 8] })).toThrow("takes 4 pictures at once");
    expect(() => pictureTensor({ ...image, width: 1 }, contract)).toThrow("cannot have");
    expect(() => pictureTensor(image, { ...contract, shape: [1, 4, 8, 8] })).toThrow("4 channels");
  });
});

it("the module timmc/preprocess runs in a browser: it imports its own files alone, and they are few", () => {
  const found = new Set<string>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    found.add(file);
    const code = ts.transpileModule(readFileSync(file, "utf8"), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, verbatimModuleSyntax: true },
    }).outputText;
    for (const { fileName } of ts.preProcessFile(code, true, true).importedFiles) {
      expect(fileName, file).toMatch(/^\./);
      visit(join(dirname(file), fileName));
    }
  };
  visit(join(root, "src/frontend/preprocess/index.ts"));
  expect([...found].map((file) => relative(root, file)).sort()).toEqual([
    "src/frontend/preprocess/image.ts",
    "src/frontend/preprocess/index.ts",
    "src/frontend/preprocess/normalization.ts",
    "src/frontend/preprocess/picture-input.ts",
    "src/frontend/preprocess/pillow-resize.ts",
    "src/frontend/preprocess/transform.ts",
    "src/frontend/printable.ts",
    "src/ir/error.ts",
    "src/zoo/layers/rounding.ts",
  ]);
});
