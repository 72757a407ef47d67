import { z } from "zod";
import { dtypes } from "../ir/dtype.ts";
import { certificateVersion } from "./certificate.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits");
const error = z.number().min(0).nullable();

/** certificate.json: what `verify` measured, for the artifact whose manifest has this hash and for no other. */
export const certificateSchema = z.object({
  certificate_version: z.literal(certificateVersion),
  manifest_sha256: sha256,
  compiler: z.object({ name: z.literal("timmc"), version: z.string() }),
  runtime: z
    .object({
      name: z.string(),
      version: z.string(),
      device: z.string().nullable().describe("the processor that it ran on, where that is not the host's own"),
    })
    .describe("what ran the artifact; the unoptimised graph ran in onnxruntime-node"),
  passed: z.boolean(),
  inputs: z.array(
    z.object({
      name: z.string(),
      shape: z.array(z.int().min(0)),
      reference: z.enum(["unoptimised", "float64"]),
    }),
  ),
  outputs: z.array(
    z.object({
      name: z.string(),
      dtype: z.enum(dtypes),
      max_abs_error: error.describe("over all inputs; null where a value is not finite"),
      error_of_std: error.describe("the largest error as a fraction of the reference's standard deviation"),
      rms_of_std: error
        .optional()
        .describe("below float32: the root of the mean squared error as the same fraction, which is what is judged"),
      budget_used: error.describe("the error that is judged as a fraction of what is allowed: up to 1 passes"),
      budget_moved: error.describe(
        "how far, in budgets, changing the last bit of the input moves it, where that alone is why it did not pass",
      ),
      budget: z.object({ of_std: z.number().min(0), of_absmax: z.number().min(0) }),
      worst_input: z.string(),
      passed: z.boolean(),
      problem: z.string().nullable(),
    }),
  ),
  agreement: z
    .object({
      inputs: z.enum(["pictures", "synthetic"]).describe("the calibration's check pictures, or numbers of the recipe"),
      images: z.int().min(1),
      top1: z.number().min(0).max(1).describe("how often the first class is that of the float32 graph"),
    })
    .nullable()
    .optional()
    .describe("of an artifact below float32 with logits; null without"),
  failure: z
    .object({
      stage: z
        .enum(["manifest", "reference", "pass", "emission", "kernels", "runtime", "artifact", "rounding"])
        .describe(
          "where the error first appears; manifest: it says something else than its source and request give; kernels: the graph that they are made of is right; rounding: nothing is known to be wrong, and rounding alone exceeds the budget",
        ),
      pass: z.string().nullable().describe("the last pass that had run there"),
      rule: z
        .string()
        .nullable()
        .describe("the rule that changes an output, of the pass or of the emission's legalisation, where it is known"),
      module: z.string().nullable().describe("the module path where the rule first does so"),
      message: z.string(),
    })
    .nullable(),
});
