import { describe } from "vitest";
import { messageOf } from "../src/ir/caught.ts";
import { findGpu } from "../src/runtime/webgpu-node.ts";

/**
 * The WebGPU of this machine, which may be SwiftShader on the processor. Where there is none, tests that need it are skipped
 * and say why; with TIMMC_REQUIRE_GPU_TESTS set they fail.
 */
const found = await findGpu().catch((error: unknown) => messageOf(error));
if (typeof found === "string") {
  if (process.env["TIMMC_REQUIRE_GPU_TESTS"] !== undefined) throw new Error(`tests need WebGPU, and ${found}`);
  console.warn(`tests on WebGPU are skipped: ${found}`);
}

/** `describe` of what needs WebGPU. */
export const describeOnGpu = describe.skipIf(typeof found === "string");

/** Called in such tests alone. */
export function testGpu(): GPU {
  if (typeof found === "string") throw new Error(found);
  return found.gpu;
}
