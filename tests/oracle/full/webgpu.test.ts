import { describe, expect, it } from "vitest";
import { supportedFamilies } from "../../../src/zoo/registry.ts";
import { describeOnGpu } from "../../webgpu-device.ts";
import { check } from "../run.ts";
import { sample, work } from "../sample.ts";

/** Of records that take more than this, only a family's cheapest is run: a processor's Vulkan driver is slow. */
const small = 0.5e12;

/** Milliseconds: several times what two idle cores are estimated to take. */
const timeoutOf = (expected: Parameters<typeof work>[0]): number => 120_000 + 180e-9 * work(expected);

describeOnGpu("on WebGPU", () => {
  describe.each(supportedFamilies)("%s computes what timm computes, as WGSL kernels", (family) => {
    const [cheapest, ...others] = sample(family, { full: 1, features: 1, options: 1 });
    for (const expected of [...(cheapest === undefined ? [] : [cheapest]), ...others.filter((e) => work(e) <= small)])
      it(expected.name, { timeout: timeoutOf(expected) }, async () => {
        expect(await check(expected, { target: "webgpu" })).toEqual([]);
      });
  });
});
