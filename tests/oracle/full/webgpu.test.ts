import { expect, it } from "vitest";
import { supportedFamilies } from "../../../src/zoo/registry.ts";
import { describeOnGpu } from "../../webgpu-device.ts";
import { check } from "../run.ts";
import { sample } from "../sample.ts";

/** The cheapest of every kind of each family's records, as WGSL kernels. */
describeOnGpu.each(supportedFamilies)("%s computes on WebGPU what timm computes", (family) => {
  it.each(sample(family, { full: 1, features: 1, options: 1 }))("$name", async (expected) => {
    expect(await check(expected, { target: "webgpu" })).toEqual([]);
  });
});
