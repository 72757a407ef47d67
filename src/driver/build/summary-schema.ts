import { z } from "zod";
import { summaryVersion } from "./summary.ts";

/**
 * The one description of build.json and of what `timmc build --json` prints. build.json depends on the configuration, the
 * sources and timmc alone: what differs from run to run is null there.
 */

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits");
const natural = z.int().min(0);
const measured = z.number().min(0).nullable();

const verification = z
  .strictObject({
    passed: z.boolean(),
    max_abs_error: measured.describe("over all outputs and inputs; null where a value is not finite"),
    error_of_std: measured.describe(
      "the error that is judged, as a fraction of the reference's standard deviation: the largest, and below float32 the RMS",
    ),
    budget_used: measured.describe("the largest error as a fraction of what is allowed"),
  })
  .describe("of the certificate");

const latency = z.strictObject({ p50_ms: z.number().min(0), p95_ms: z.number().min(0), batch: z.int().min(1) });

const failure = z.strictObject({ code: z.string(), message: z.string(), hint: z.string().nullable() });

const artifact = z
  .strictObject({
    manifest_sha256: sha256,
    bytes: natural.describe("of every file of the folder that the manifest lists"),
    weight_bytes: natural.describe("of the weights that the artifact stores"),
    params: natural.describe("parameters of the whole architecture"),
    macs: natural.describe("multiply-accumulates after the passes, at batch 1"),
    input: z.array(z.union([natural, z.string()])).describe("shape; a string is a symbolic dimension"),
    outputs: z.array(z.string()).describe("names, in order"),
    notices: z.array(z.string()),
  })
  .describe("what the manifest says");

export const variantSummarySchema = z.strictObject({
  name: z.string().describe("the artifact's folder below the output folder"),
  model: z.string(),
  target: z.string(),
  precision: z.string(),
  fields: z.record(z.string(), z.unknown()).describe("what the variant is made of, by the keys of a compile request"),
  state: z
    .enum(["complete", "failed", "missing"])
    .describe("failed: see failure; missing: it was not among those to build, or the build was stopped before it"),
  origin: z
    .enum(["built", "cached", "kept"])
    .nullable()
    .describe("cached: taken from the cache; kept: it lay in its folder already; null in build.json"),
  failure: failure.nullable(),
  artifact: artifact.nullable(),
  verification: verification.nullable(),
  top1_agreement: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .describe("share of pictures on which the largest logit is that of fp32; null where it was not measured"),
  latency: latency.nullable().describe("of a run; null where it was not measured, and in build.json"),
  seconds: measured.describe("that the variant took; null in build.json"),
});

export const summarySchema = z
  .strictObject({
    build_version: z.literal(summaryVersion),
    compiler: z.strictObject({ name: z.literal("timmc"), version: z.string() }),
    config: z.string().describe("the name of the configuration's file"),
    shard: z.strictObject({ index: z.int().min(1), of: z.int().min(1) }).nullable(),
    counts: z.strictObject({
      variants: natural,
      complete: natural,
      failed: natural,
      missing: natural,
      built: natural.nullable().describe("null in build.json, and so are the next two"),
      cached: natural.nullable(),
      kept: natural.nullable(),
    }),
    varying: z.array(z.string()).describe("the fields in which variants differ"),
    bytes: natural.describe("of all artifacts"),
    seconds: measured.describe("that the build took; null in build.json"),
    variants: z.array(variantSummarySchema),
    notices: z.array(z.string()),
  })
  .describe("what timmc build made of a matrix of variants");
