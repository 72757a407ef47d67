import { type BuildSummary, type VariantSummary, countsOf } from "../../../src/driver/build/summary.ts";

/** A variant that was built and certified; `fields` say what is otherwise. */
export const variant = (name: string, fields: Partial<VariantSummary> = {}): VariantSummary => ({
  name,
  model: name.split("/")[0] ?? "",
  target: "onnx",
  precision: "fp32",
  fields: {},
  state: "complete",
  origin: "built",
  failure: null,
  artifact: {
    manifest_sha256: "0".repeat(64),
    bytes: 10 * 2 ** 20,
    weight_bytes: 9 * 2 ** 20,
    params: 2_500_000,
    macs: 1_200_000_000,
    input: ["N", 3, 224, 224],
    outputs: ["logits"],
    notices: [],
  },
  verification: { passed: true, max_abs_error: 1e-5, error_of_std: 2e-6, budget_used: 0.01 },
  top1_agreement: null,
  latency: null,
  seconds: 1.25,
  ...fields,
});

/** One that was not. */
export const failed = (name: string, message: string, hint: string | null = null): VariantSummary =>
  variant(name, {
    state: "failed",
    origin: null,
    failure: { code: "unsupported", message, hint },
    artifact: null,
    verification: null,
  });

export const summaryOf = (variants: readonly VariantSummary[], fields: Partial<BuildSummary> = {}): BuildSummary => ({
  build_version: 1,
  compiler: { name: "timmc", version: "0.1.0" },
  config: "timmc.config.ts",
  shard: null,
  counts: countsOf(variants),
  varying: ["model", "precision"],
  bytes: variants.reduce((sum, { artifact }) => sum + (artifact?.bytes ?? 0), 0),
  seconds: 12.5,
  variants,
  notices: [],
  ...fields,
});

const models = [
  "resnet18.a1_in1k",
  "resnet50.a1_in1k",
  "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
  "convnext_tiny.fb_in1k",
];
const precisions = ["fp32", "fp16", "int8", "int8-weights"];

/** A matrix of models and precisions with every kind of number, a failure, and one that is missing. */
export function sampleSummary(): BuildSummary {
  const built = models.flatMap((model, m) =>
    precisions.map((precision, p) => {
      const base = variant(`${model}/${precision}`);
      const scale = [1, 0.5, 0.26, 0.27][p] ?? 1;
      const error = (p === 0 ? 2e-6 : 10 ** (p - 5)) * (1 + m / 2);
      return {
        ...base,
        precision,
        artifact: base.artifact && { ...base.artifact, bytes: Math.round((m + 1) * 40e6 * scale) },
        verification: {
          passed: !(m === 2 && p === 2),
          max_abs_error: error * 3,
          error_of_std: error,
          budget_used: 0.2,
        },
        top1_agreement: p === 0 ? null : 1 - p * 0.004,
        latency: { p50_ms: (m + 2) * 5 * (1 - p / 5), p95_ms: (m + 2) * 6, batch: 1 },
      };
    }),
  );
  const missing = variant("resnet18.a1_in1k/int8-dynamic", {
    state: "missing",
    origin: null,
    artifact: null,
    verification: null,
    precision: "int8-dynamic",
    seconds: null,
  });
  const unsupported = failed(
    "vit_tiny_patch16_224.augreg_in21k_ft_in1k/int4-weights",
    "int4 blocks of 32 do not divide the 197 columns of pos_embed",
    "Use int8-weights.",
  );
  return summaryOf([...built, { ...unsupported, precision: "int4-weights" }, missing], {
    notices: ["vit_*: 2 of 40 models are none that timmc compiles"],
  });
}
