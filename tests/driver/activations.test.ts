import { join } from "node:path";
import { expect, test } from "vitest";
import { activations } from "../../src/driver/activations.ts";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { pictureBatch } from "../../src/driver/picture-batch.ts";
import { interpretGraph } from "../../src/driver/verify-reference.ts";
import { openModelWeights } from "../../src/driver/weights.ts";

const models = join(import.meta.dirname, "../../examples/models");
const model = `local-dir:${join(models, "test_resnet.shapes")}`;
const images = ["heart-1", "star-1"].map((name) => join(models, `pictures/${name}.png`));

test("the numbers of every stage are those of the float64 interpreter", async () => {
  const reports = await activations({ model, images });
  expect(reports.map((r) => r.tap)).toEqual([0, 1, 2, 3, 4].map((i) => `features.${i}`));
  const lowering = await lowerRequest({ model, taps: ["features.3"] });
  const { resolved, lowered } = lowering;
  const weights = await openModelWeights("pretrained", resolved, lowered);
  const input = await pictureBatch({ config: resolved.data, normalized: "outside" }, images, 2, undefined);
  const values = interpretGraph(weights, lowered.graph, input).get("features.3");
  weights.close();
  const numbers = Array.from(values?.data ?? [], Number);
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length;
  const [, channels = 1, height = 1, width = 1] = values?.shape ?? [];
  const dead = Array.from({ length: channels }, (_, c) => c).filter((c) => {
    const own = numbers.filter((_, i) => Math.floor(i / (height * width)) % channels === c);
    return Math.max(...own) === Math.min(...own);
  });
  const report = reports[3];
  expect(report?.mean).toBeCloseTo(mean, 5);
  expect(report?.std).toBeCloseTo(Math.sqrt(variance), 5);
  expect(report?.max).toBeCloseTo(Math.max(...numbers), 4);
  expect(report?.channels).toBe(channels);
  expect(report?.dead).toBe(dead.length);
  expect(report?.not_finite).toBe(0);
});

test("a channel that never changes is dead", async () => {
  const args = { depth: 1, embed_dim: 24, num_heads: 2, img_size: 32, patch_size: 32 };
  const [one] = await activations({
    model: "vit_base_patch32_224",
    args,
    weights: "synthetic",
    taps: ["features.0.prefix"],
    images: images.slice(0, 1),
  });
  // One token of one picture: every channel has one value.
  expect(one).toMatchObject({ tap: "features.0.prefix", channels: 24, dead: 24 });
});

test("without pictures or weights there is nothing to run", async () => {
  await expect(activations({ model, images: [] })).rejects.toThrow("no pictures");
  await expect(activations({ model, images, weights: "none" })).rejects.toThrow("without weights");
  await expect(activations({ model, images: ["absent.png"] })).rejects.toMatchObject({ trail: ["absent.png"] });
});
