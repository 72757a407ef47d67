import { readFileSync } from "node:fs";
import { expect, test, vi } from "vitest";
import type { Certificate } from "../../src/driver/certificate.ts";
import { temporaryFolder } from "../driver/workspace.ts";
import { cli } from "./run-cli.ts";

const failed: Certificate = {
  certificate_version: 2,
  manifest_sha256: "0".repeat(64),
  compiler: { name: "timmc", version: "0" },
  runtime: { name: "onnxruntime-node", version: "0", device: null },
  passed: false,
  inputs: [],
  outputs: [
    {
      name: "logits",
      dtype: "f32",
      max_abs_error: 1,
      error_of_std: 1,
      budget_used: 100,
      budget_moved: null,
      budget: { of_std: 0, of_absmax: 0 },
      worst_input: "zeros",
      passed: false,
      problem: null,
    },
  ],
  failure: { stage: "pass", pass: "fold", rule: "drop-bias", module: "fc", message: "its rule drop-bias at fc" },
};
vi.mock("../../src/driver/verify.ts", () => ({ verify: () => Promise.resolve(failed) }));

const at = temporaryFolder();

test("compile --verify --json prints the manifest, and then fails, where the certificate does not pass", async () => {
  const args = ["compile", "test_resnet", "--weights", "synthetic", "-o", at("out"), "--verify", "--json"];
  const { status, out, err } = await cli(args);
  expect(status).toBe(1);
  expect(JSON.parse(out)).toEqual(JSON.parse(readFileSync(at("out/manifest.json"), "utf8")));
  expect(err).toContain("logits exceeds its budget");
  expect(err).toContain("its rule drop-bias at fc");
});
