import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as transformers from "@huggingface/transformers";
import {
  AutoModel,
  AutoModelForImageClassification,
  AutoProcessor,
  RawImage,
  Tensor,
  env,
  pipeline,
} from "@huggingface/transformers";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { loadArtifact } from "../../../src/driver/artifact.ts";
import { modelTypeOf } from "../../../src/driver/layout/transformers-js.ts";
import type { Manifest } from "../../../src/driver/manifest.ts";
import { pictureBatch, pictureInput } from "../../../src/driver/picture-batch.ts";
import { runImages, runTensor } from "../../../src/driver/run.ts";
import { verify } from "../../../src/driver/verify.ts";
import { type NpyArray, formatNpy, readNpy } from "../../../src/runtime/npy.ts";
import { supportedFamilies } from "../../../src/zoo/registry.ts";
import { writeExternal } from "../external-data.ts";
import { difference, runClient } from "../client/client-module.ts";
import { compileTiny, pictures, refusal, shapesModel, temporaryFolder } from "../workspace.ts";

const at = temporaryFolder();
const layout = "transformers-js" as const;
const local = { model: `local-dir:${shapesModel}`, weights: "pretrained", inputSize: undefined, layout } as const;

/** Of the network's own size, so that nobody resizes it, and one that has to be resized. */
const picture = join(pictures, "star-1.png");
const large = join(pictures, "ring-2.png");

let manifest: Manifest;

beforeAll(async () => {
  manifest = await compileTiny(at("shapes"), local);
  env.allowRemoteModels = false;
  env.localModelPath = dirname(at("shapes"));
});

/** timmc's own tensor of a picture. */
const prepared = (image: string): Promise<NpyArray> => pictureBatch(pictureInput(manifest), [image], 1, undefined);

/** What `timmc run --tensor --save` writes of one tap. */
async function runTap(input: NpyArray, tap: string) {
  writeFileSync(at("input.npy"), formatNpy(input));
  const { outputs } = await runTensor(at("shapes"), at("input.npy"), { save: at("saved") });
  const { shape, data } = readNpy(join(at("saved"), outputs.find(({ name }) => name === tap)?.file ?? ""));
  return { dims: shape, data: Float32Array.from(data, Number) };
}

const numbers = ({ dims, data }: Tensor) => ({ dims, data: data as Float32Array });

/** What its processor makes of a picture. */
async function processed(artifact: string, image: string) {
  const processor = await AutoProcessor.from_pretrained(artifact);
  const { pixel_values: pixels } = (await processor(await RawImage.read(image))) as { pixel_values: Tensor };
  return numbers(pixels);
}

describe("transformers.js", () => {
  it("classifies as timmc does, with the names of the classes", async () => {
    const classify = await pipeline("image-classification", "shapes");
    for (const image of [picture, large]) {
      const [{ top } = { top: null }] = await runImages(at("shapes"), [image], { top: 1 });
      const [answer] = (await classify(image, { top_k: 1 })) as { label: string; score: number }[];
      expect(answer?.label).toBe(top?.[0]?.label);
      // Its resize is an affine transform of libvips, not Pillow's filter.
      const tolerance = image === picture ? 1e-6 : 0.01;
      expect(Math.abs((answer?.score ?? NaN) - (top?.[0]?.probability ?? NaN))).toBeLessThan(tolerance);
    }
    await classify.dispose();
  });

  it("gives the logits of timmc run, for a picture and for a tensor", async () => {
    const { model } = await pipeline("image-classification", "shapes");
    const input = await prepared(picture);
    const pixels = await processed("shapes", picture);
    expect(difference(pixels, { dims: input.shape, data: Float32Array.from(input.data, Number) })).toBeLessThan(1e-6);
    const { logits } = (await model({ pixel_values: new Tensor("float32", pixels.data, pixels.dims) })) as {
      logits: Tensor;
    };
    expect(difference(numbers(logits), await runTap(input, "logits"))).toBeLessThan(1e-5);
    await model.dispose();
  });

  it("extracts features: timm's forward_features, pooled its pre_logits", async () => {
    const extract = await pipeline("image-feature-extraction", "shapes");
    const input = await prepared(picture);
    const features = numbers(await extract(picture));
    expect(features.dims).toEqual([1, 96, 3, 3]);
    expect(difference(features, await runTap(input, "forward_features"))).toBeLessThan(1e-5);
    expect(difference(numbers(await extract(picture, { pool: true })), await runTap(input, "pre_logits"))).toBeLessThan(
      1e-5,
    );
    await extract.dispose();
  });

  it("finds weights in a file of their own, as above 1.5 GiB", async () => {
    await writeExternal(at("external"), layout, { ...local, taps: ["logits"] });
    const classify = await pipeline("image-classification", "external");
    const whole = await pipeline("image-classification", "shapes");
    expect(await classify(picture)).toEqual(await whole(picture));
    await Promise.all([classify.dispose(), whole.dispose()]);
  });

  it.each(supportedFamilies)("has classes for %s, under its own name where there is one", (family) => {
    const [type, name] = modelTypeOf(family);
    expect([AutoModel.supports(type), AutoModelForImageClassification.supports(type)]).toEqual([true, true]);
    expect(transformers).toHaveProperty(`${name}Model`);
    expect(transformers).toHaveProperty(`${name}ForImageClassification`);
    if (AutoModelForImageClassification.supports(family)) expect(type).toBe(family);
  });

  it("runs a network alike under each of these classes", async () => {
    const classify = await pipeline("image-classification", "shapes");
    const answer = await classify(picture);
    await classify.dispose();
    for (const [type, name] of new Map(supportedFamilies.map(modelTypeOf))) {
      cpSync(at("shapes"), at(type), { recursive: true });
      const file = join(at(type), "config.json");
      const config = JSON.parse(readFileSync(file, "utf8")) as object;
      const architectures = [`${name}ForImageClassification`];
      writeFileSync(file, JSON.stringify({ ...config, model_type: type, architectures }));
      const other = await pipeline("image-classification", type);
      expect(await other(picture), type).toEqual(answer);
      await other.dispose();
    }
  });

  it("prepares pictures as timm does but for the resize: mean, std, crop and its size", async () => {
    await compileTiny(at("vit"), {
      model: "test_vit",
      layout,
      inputSize: undefined,
      cfg: { crop_pct: 0.9, interpolation: "bilinear" },
    });
    const { input } = (await loadArtifact(at("vit"))).manifest;
    const config = JSON.parse(readFileSync(join(at("vit"), "preprocessor_config.json"), "utf8")) as object;
    expect(config).toMatchObject({
      size: { shortest_edge: 177 },
      crop_size: { height: 160, width: 160 },
      resample: 2,
      image_mean: input.mean,
      image_std: input.std,
    });
    const extract = await pipeline("image-feature-extraction", "vit");
    expect((await extract(large)).dims).toEqual([1, 101, 64]);
    await extract.dispose();
  });

  it("squashes where the configuration says so, and keeps other taps by their names", async () => {
    const cfg = { crop_mode: "squash", crop_pct: 0.8 };
    await compileTiny(at("squash"), { ...local, cfg, inputSize: [3, 64, 96], taps: ["logits", "features.1"] });
    const config = JSON.parse(readFileSync(join(at("squash"), "preprocessor_config.json"), "utf8")) as object;
    expect(config).toMatchObject({ size: { height: 80, width: 120 }, crop_size: { height: 64, width: 96 } });
    const { model } = await pipeline("image-feature-extraction", "squash");
    const pixels = await processed("squash", large);
    expect(pixels.dims).toEqual([1, 3, 64, 96]);
    const pixelValues = new Tensor("float32", pixels.data, pixels.dims);
    const outputs = (await model({ pixel_values: pixelValues })) as Record<string, Tensor>;
    expect(outputs["features.1"]?.dims).toEqual([1, 32, 16, 24]);
    await model.dispose();
  });
});

describe("without classes", () => {
  it("keeps what the feature pipeline reads, and verifies", async () => {
    const { outputs } = await compileTiny(at("headless"), { layout, args: { num_classes: 0 } });
    expect(outputs.map(({ name }) => name)).toEqual(["forward_features", "pre_logits"]);
    expect((await verify(at("headless"))).passed).toBe(true);
    const extract = await pipeline("image-feature-extraction", "headless");
    const pooled = await extract(picture, { pool: true });
    expect(pooled.dims).toEqual([1, 96]);
    await extract.dispose();
  });
});

describe("the artifact", () => {
  it("says its layout and the names, verifies, and has a client of its own", async () => {
    expect(manifest.target).toMatchObject({
      model: "onnx/model.onnx",
      layout,
      names: { input: "pixel_values", forward_features: "last_hidden_state", pre_logits: "pooler_output" },
    });
    expect((await verify(at("shapes"), { model: local.model })).passed).toBe(true);
    const input = await prepared(picture);
    const outputs = await runClient(at("shapes"), ort, { dims: input.shape, data: input.data as Float32Array });
    expect(Object.keys(outputs)).toEqual(["logits", "forward_features", "pre_logits"]);
    expect(outputs["pre_logits"]).toEqual(await runTap(input, "pre_logits"));
  });

  it("goes as a whole where another takes its place", async () => {
    await compileTiny(at("twice"), local);
    await compileTiny(at("twice"), { ...local, layout: "plain" });
    expect((await loadArtifact(at("twice"))).manifest.target).toMatchObject({ layout: "plain" });
    expect(() => readFileSync(join(at("twice"), "config.json"))).toThrow(/ENOENT/);
    expect(() => readFileSync(join(at("twice"), "onnx/model.onnx"))).toThrow(/ENOENT/);
  });
});

describe("a network whose forward_features are several tensors", () => {
  const several = { model: "crossvit_9_240", inputSize: undefined, layout };

  it("goes without last_hidden_state, and says so", async () => {
    const { outputs, notices, target } = await compileTiny(at("crossvit"), several);
    expect(outputs.map(({ name }) => name)).toEqual(["logits", "pre_logits"]);
    expect(target).toMatchObject({ names: { input: "pixel_values", pre_logits: "pooler_output" } });
    expect(notices).toContain(
      "the model has no last_hidden_state: forward_features of this network is 2 tensors, and transformers.js reads one",
    );
    expect((await verify(at("crossvit"))).passed).toBe(true);
  });

  it("is refused by name where they are asked for, or nothing else is left", async () => {
    const reason = /^usage: .*does not take forward_features of this network: it is 2 tensors/;
    const asked = await refusal(compileTiny(at("no"), { ...several, taps: ["logits", "forward_features"] }));
    expect(asked).toMatch(reason);
    expect(asked).toMatch(/\n {2}Use --taps logits,pre_logits\.$/);
    const headless = { ...several, args: { num_classes: 0 } };
    for (const taps of [undefined, ["forward_features"]]) {
      const text = await refusal(compileTiny(at("no"), { ...headless, taps }));
      expect(text).toMatch(reason);
      expect(text).toMatch(/\n {2}Leave --layout out: without classes/);
    }
  });
});

describe("refused by name:", () => {
  const asked: readonly (readonly [string, Parameters<typeof compileTiny>[1], RegExp])[] = [
    ["--preprocess", { preprocess: true }, /--preprocess: it normalises/],
    ["a fixed batch", { batch: 2 }, /--batch 2/],
    ["--softmax", { softmax: true }, /--softmax: its pipeline/],
    ["taps that it does not read", { taps: ["features"] }, /its pipelines read logits or forward_features/],
    ["features_only", { args: { features_only: true } }, /its pipelines read logits or forward_features/],
    [
      "logits without classes",
      { args: { num_classes: 0 }, taps: ["logits", "forward_features"] },
      /logits of a network without classes\n {2}Use --taps forward_features,pre_logits\./,
    ],
  ];
  const ofTheModel: typeof asked = [
    ["gray pictures", { args: { in_chans: 1 }, inputSize: [1, 64, 64] }, /an input of 1 channels/],
    ["a filter that it lacks", { cfg: { interpolation: "box" } }, /the interpolation box: it has nearest, lanczos/],
    ["padding in the mean colour", { cfg: { crop_mode: "border" } }, /the crop mode border/],
    ["a crop that is not square", { inputSize: [3, 64, 96] }, /the crop mode center at 64 x 96/],
  ];
  const cases = [
    ...asked.map((each) => ["usage", ...each] as const),
    ...ofTheModel.map((each) => ["unsupported", ...each] as const),
  ];

  it.each(cases)("%s: %s", async (code, _, request, reason) => {
    const text = await refusal(compileTiny(at("refused"), { layout, ...request }));
    expect(text).toMatch(new RegExp(`^${code}: .*--layout transformers-js: transformers\\.js does not take `));
    expect(text).toMatch(reason);
  });
});
