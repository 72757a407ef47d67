import type { Artifact } from "../artifact.ts";
import type { Certificate } from "../certificate.ts";
import type { VariantSummary } from "./summary.ts";

/** What a summary says of an artifact. */
export const artifactSummary = ({ manifest, manifestSha256 }: Artifact): Pick<VariantSummary, "artifact"> => ({
  artifact: {
    manifest_sha256: manifestSha256,
    bytes: manifest.files.reduce((n, { bytes }) => n + bytes, 0),
    weight_bytes: manifest.graph.weight_bytes.after,
    params: manifest.params,
    macs: manifest.macs_optimized,
    input: manifest.input.shape,
    outputs: manifest.outputs.map(({ name }) => name),
    notices: manifest.notices,
  },
});

/** What a summary says of a certificate: the worst of its outputs. */
export function verificationOf(
  certificate: Certificate | undefined,
): Pick<VariantSummary, "verification" | "top1_agreement"> {
  if (certificate === undefined) return { verification: null, top1_agreement: null };
  const { passed, outputs, agreement } = certificate;
  const worst = (values: readonly (number | null)[]): number | null =>
    values.reduce((most, value) => (most === null || value === null ? null : Math.max(most, value)), 0);
  return {
    verification: {
      passed,
      max_abs_error: worst(outputs.map((o) => o.max_abs_error)),
      error_of_std: worst(outputs.map((o) => o.rms_of_std ?? o.error_of_std)),
      budget_used: worst(outputs.map((o) => o.budget_used)),
    },
    top1_agreement: agreement?.top1 ?? null,
  };
}

/** Why a verified variant failed; null where it did not. */
export const failureOf = ({ passed, failure }: Certificate): VariantSummary["failure"] =>
  passed
    ? null
    : {
        code: "numeric",
        message: `verification failed: ${failure?.message ?? "an output exceeds its budget"}`,
        hint: null,
      };
