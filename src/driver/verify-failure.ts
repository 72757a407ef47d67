import type { Failure } from "./certificate.ts";

/** A failure of the whole, which no pass has caused. */
export const ownFailure = (stage: Failure["stage"], message: string, pass: string | null = null): Failure => ({
  stage,
  pass,
  rule: null,
  module: null,
  message,
});
