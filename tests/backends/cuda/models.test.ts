import { describe, expect, it } from "vitest";
import { verify } from "../../../src/driver/verify.ts";
import { compileTiny, temporaryFolder } from "../../driver/workspace.ts";
import { smallModels } from "./small-models.ts";

const at = temporaryFolder();

describe("whole networks as CUDA kernels agree with their graphs as they are written", () => {
  it.each(smallModels)("$model", { timeout: 300_000 }, async ({ model, ...request }) => {
    await compileTiny(at(model), { model, target: "cuda", ...request });
    const certificate = await verify(at(model));
    expect(certificate.failure).toBeNull();
    expect(certificate.passed).toBe(true);
  });
});
