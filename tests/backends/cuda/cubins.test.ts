import { describe, expect, it } from "vitest";
import { compileCubin, parsePtxas } from "../../../bench/cuda/cubin.ts";
import { findNvcc } from "../../../src/runtime/cuda/compile.ts";
import { compileTiny, temporaryFolder } from "../../driver/workspace.ts";
import { smallModels } from "./small-models.ts";

const at = temporaryFolder();
const nvcc = findNvcc();
if (nvcc === undefined && process.env["TIMMC_REQUIRE_CUDA_TESTS"] !== undefined)
  throw new Error("TIMMC_REQUIRE_CUDA_TESTS is set, and nvcc is not installed");
if (nvcc === undefined) process.stderr.write("nvcc is not installed: no cubins are compiled\n");

/** Convolutions and attention for all that the artifact is compiled for; the rest for one, which takes a fifth of the time. */
const architecturesOf = (model: string): readonly number[] =>
  ["test_resnet", "test_vit"].includes(model) ? [75, 80, 86, 89, 90] : [80];

describe.skipIf(nvcc === undefined)("model.cu compiles to cubins that keep to their registers", () => {
  it.each(smallModels)("$model $precision", { timeout: 600_000 }, async ({ model, ...request }) => {
    const folder = at(`${model} ${request.precision}`);
    const manifest = await compileTiny(folder, { model, target: "cuda", weights: "none", ...request });
    for (const architecture of architecturesOf(model)) {
      const kernels = await compileCubin(nvcc ?? "", folder, architecture);
      expect(kernels).toHaveLength((manifest.target as { kernels: number }).kernels);
      expect(new Set(kernels.map(({ name }) => name)).size).toBe(kernels.length);
      const where = `sm_${architecture}`;
      expect(
        kernels.filter(({ spilled }) => spilled > 0),
        where,
      ).toEqual([]);
      expect(
        kernels.filter(({ registers }) => registers > 255 || registers < 8),
        where,
      ).toEqual([]);
      expect(
        kernels.filter(({ shared }) => shared > 49_152),
        where,
      ).toEqual([]);
    }
  });
});

it("reads what ptxas says", () => {
  const text = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_ZN39_GLOBAL__N__1f_8_model_cu_2k0EPKfPf' for 'sm_80'
ptxas info    : Function properties for _ZN39_GLOBAL__N__1f_8_model_cu_2k0EPKfPf
    16 bytes stack frame, 24 bytes spill stores, 20 bytes spill loads
ptxas info    : Used 71 registers, used 1 barriers, 256 bytes smem, 368 bytes cmem[0]
`;
  expect(parsePtxas(text)).toEqual([{ name: "k0", registers: 71, shared: 256, spilled: 44 }]);
  expect(() => parsePtxas("Compiling entry function 'k'\n")).toThrow("ptxas says nothing of k");
});
