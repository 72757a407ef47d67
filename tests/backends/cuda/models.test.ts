import { describe, expect, it } from "vitest";
import { verify } from "../../../src/driver/verify.ts";
import { compileTiny, temporaryFolder } from "../../driver/workspace.ts";
import { smallModels } from "./small-models.ts";

const at = temporaryFolder();

describe("whole networks as CUDA kernels agree with their graphs as they are written", () => {
  it.each(smallModels)("$model $precision", { timeout: 300_000 }, async ({ model, ...request }) => {
    const folder = at(`${model} ${request.precision}`);
    await compileTiny(folder, { model, target: "cuda", ...request });
    const certificate = await verify(folder);
    expect(certificate.failure).toBeNull();
    expect(certificate.passed).toBe(true);
  });
});
