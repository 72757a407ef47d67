import { expect, test } from "vitest";
import { toNumbers } from "../../../../src/frontend/weights/load.ts";
import { remapWeights, targetOf } from "../../../../src/frontend/weights/remap/remap.ts";
import type { TensorData, WeightSource } from "../../../../src/frontend/weights/source.ts";
import { narrow, widen } from "../../../../src/ir/float.ts";
import { fakeSource, tensorData } from "../fake-source.ts";
import { entry, network, sourceOf } from "./network.ts";

type Half = "f16" | "bf16";

const get = (source: WeightSource, name: string): TensorData => source.get(name) ?? expect.fail(name);

/** What rounding to a type and back makes of numbers. */
const rounded = (dtype: Half, values: Iterable<number>): number[] => [
  ...widen(dtype, narrow(dtype, Float64Array.from(values)) as Uint16Array),
];

test.each<Half>(["f16", "bf16"])("what is computed of %s is rounded once to it, as timm rounds it", async (dtype) => {
  const args = { depth: 1, embed_dim: 12, num_heads: 3, img_size: 64 };
  const { remap, parameters } = await network("vit_tiny_patch16_224", args);
  const file = (await network("vit_tiny_patch16_224", { ...args, img_size: 32 })).file;
  const halves = fakeSource(
    Object.fromEntries([...file].map(([k, v]) => [k, tensorData(dtype, v.shape, narrow(dtype, v.values))])),
  );
  const widened = new Map(
    [...file].map(([k, v]) => [k, { ...v, values: Float32Array.from(rounded(dtype, v.values)) }]),
  );
  const target = targetOf(parameters);
  const found = get(remapWeights(halves, remap, target).source, "pos_embed");
  const whole = get(remapWeights(sourceOf(widened), remap, target).source, "pos_embed");
  expect([found.dtype, found.shape, whole.dtype]).toEqual([dtype, [1, 17, 12], "f32"]);
  const values = [...toNumbers(found)];
  expect(rounded(dtype, values)).toEqual(values);
  const exact = [...toNumbers(whole)];
  expect(exact).not.toEqual(values);
  const [unit, least] = dtype === "f16" ? [2 ** -11, 2 ** -25] : [2 ** -8, 2 ** -133];
  for (const [i, x] of exact.entries())
    expect(Math.abs((values[i] ?? Number.NaN) - x)).toBeLessThanOrEqual(Math.abs(x) * unit + least + 1e-9);
});

test("entries of several types make f32", async () => {
  const { remap, parameters, file } = await network("vit_large_patch14_reg4_dinov2", {
    depth: 1,
    embed_dim: 12,
    num_heads: 3,
    img_size: 28,
  });
  const positions = entry(file, "pos_embed");
  const cls = tensorData("f16", [1, 1, 12], narrow("f16", entry(file, "cls_token").values));
  const half = (shape: readonly number[]) =>
    tensorData("bf16", [...shape], new Uint16Array(shape.reduce((n, d) => n * d, 1)));
  const [, patches = 0, width = 0] = positions.shape;
  const source = fakeSource({
    mask_token: half([1, width]),
    cls_token: cls,
    pos_embed: half([1, patches + 1, width]),
    register_tokens: half([1, 4, width]),
  });
  const { source: found } = remapWeights(source, remap, targetOf(parameters));
  expect(get(found, "cls_token").dtype).toBe("f32");
  expect([...toNumbers(get(found, "cls_token"))]).toEqual([...toNumbers(cls)]);
});
