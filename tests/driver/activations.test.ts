import { join } from "node:path";
import { expect, test } from "vitest";
import { type ActivationsRequest, activations } from "../../src/driver/activations.ts";
import { lowerRequest } from "../../src/driver/lower-request.ts";
import { pictureBatch } from "../../src/driver/picture-batch.ts";
import { interpretGraph } from "../../src/driver/run-graph.ts";
import { openModelWeights } from "../../src/driver/weights.ts";

const models = join(import.meta.dirname, "../../examples/models");
const model = `local-dir:${join(models, "test_resnet.shapes")}`;
const images = ["heart-1", "star-1"].map((name) => join(models, `pictures/${name}.png`));

/** What the float64 interpreter gives for all pictures at once. */
async function interpreted(request: ActivationsRequest, tap: string) {
  const { resolved, lowered } = await lowerRequest({ ...request, taps: [tap] });
  const weights = await openModelWeights(request.weights ?? "pretrained", resolved, lowered);
  const { length } = request.images;
  const input = await pictureBatch({ config: resolved.data, normalized: "outside" }, request.images, length, undefined);
  const values = interpretGraph(weights, lowered.graph, input).get(tap);
  weights.close();
  return { shape: values?.shape ?? [], numbers: Array.from(values?.data ?? [], Number) };
}

/** How many channels of an array have one value alone. */
function deadOf({ shape, numbers }: { shape: readonly number[]; numbers: readonly number[] }, axis: number): number {
  const step = shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const channels = Array.from({ length: shape[axis] ?? 0 }, () => new Set<number>());
  for (const [i, x] of numbers.entries()) channels[Math.floor(i / step) % channels.length]?.add(x);
  return channels.filter((values) => values.size === 1).length;
}

test("the numbers of every stage are those of the float64 interpreter", async () => {
  const { taps, notices } = await activations({ model, images });
  expect(notices).toEqual([]);
  expect(taps.map((r) => r.tap)).toEqual([0, 1, 2, 3, 4].map((i) => `features.${i}`));
  const values = await interpreted({ model, images }, "features.3");
  const { numbers } = values;
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length;
  const report = taps[3];
  expect(report?.mean).toBeCloseTo(mean, 5);
  expect(report?.std).toBeCloseTo(Math.sqrt(variance), 5);
  expect(report?.min).toBeCloseTo(Math.min(...numbers), 4);
  expect(report?.max).toBeCloseTo(Math.max(...numbers), 4);
  expect(report?.channels).toBe(values.shape[1]);
  expect(report?.dead).toBe(deadOf(values, 1));
  expect(report?.not_finite).toBe(0);
});

test("some channels are dead on one picture and not on others", async () => {
  const star = images.slice(1);
  const taps = ["features.4"];
  const values = await interpreted({ model, images: star }, "features.4");
  expect(deadOf(values, 1)).toBe(3);
  expect((await activations({ model, images: star, taps })).taps).toMatchObject([{ channels: 96, dead: 3 }]);
  const all = await interpreted({ model, images }, "features.4");
  expect((await activations({ model, images, taps })).taps).toMatchObject([{ channels: 96, dead: deadOf(all, 1) }]);
});

test("pictures are run one at a time, whatever the batch", async () => {
  const taps = ["features.2", "logits"];
  expect(await activations({ model, images, taps, batch: 2 })).toEqual(await activations({ model, images, taps }));
});

test("what is told of the model and the weights is told here too", async () => {
  const args = { in_chans: 1 };
  const { resolved, lowered, notices: ofModel } = await lowerRequest({ model, args });
  const weights = await openModelWeights("pretrained", resolved, lowered);
  weights.close();
  expect(weights.notices).not.toEqual([]);
  const { notices } = await activations({ model, args, images, taps: ["logits"] });
  expect(notices).toEqual([...ofModel, ...weights.notices]);
});

const swin = {
  model: "swin_tiny_patch4_window7_224",
  args: { embed_dim: 24, depths: [1, 1, 1, 1], num_heads: [1, 1, 1, 1], img_size: 32, window_size: 4 },
} as const;
const vit = {
  model: "vit_base_patch32_224",
  args: { depth: 1, embed_dim: 24, num_heads: 2, img_size: 64, patch_size: 32 },
} as const;

test.each([
  { name: "NHWC", tap: "features.0", request: { ...swin, weights: "synthetic", images } },
  { name: "NLC", tap: "forward_features", request: { ...vit, weights: "synthetic", images } },
] as const)("channels may be last: $name", async ({ tap, request }) => {
  const values = await interpreted(request, tap);
  const {
    taps: [one],
  } = await activations({ ...request, taps: [tap] });
  expect(one).toMatchObject({ channels: 24, dead: deadOf(values, values.shape.length - 1) });
  expect(one?.min).toBeCloseTo(Math.min(...values.numbers), 4);
});

test("a channel that never changes is dead", async () => {
  const args = { depth: 1, embed_dim: 24, num_heads: 2, img_size: 32, patch_size: 32 };
  const {
    taps: [one],
  } = await activations({
    model: "vit_base_patch32_224",
    args,
    weights: "synthetic",
    taps: ["features.0.prefix"],
    images: images.slice(0, 1),
  });
  // One token of one picture: every channel has one value.
  expect(one).toMatchObject({ tap: "features.0.prefix", channels: 24, dead: null });
});

test("without pictures or weights there is nothing to run", async () => {
  await expect(activations({ model, images: [] })).rejects.toThrow("no pictures");
  await expect(activations({ model, images, weights: "none" })).rejects.toThrow("without weights");
  await expect(activations({ model, images: ["absent.png"] })).rejects.toMatchObject({ trail: ["absent.png"] });
});
