import type { Statement, ThreadKernel } from "../../../src/backends/kernel/thread.ts";

/**
 * What of a kernel not every thread of a workgroup need reach alike: barriers inside of conditions. Loops run a constant
 * number of times, so that their barriers are met by all.
 */
export function barrierFaults({ name, body }: ThreadKernel): string[] {
  const within = (statements: readonly Statement[], conditional: boolean): string[] =>
    statements.flatMap((s) => {
      if (s.kind === "barrier") return conditional ? [`${name}: a barrier under a condition`] : [];
      return "body" in s ? within(s.body, conditional || s.kind === "if") : [];
    });
  return within(body, false);
}
