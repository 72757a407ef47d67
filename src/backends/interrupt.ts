import { setImmediate } from "node:timers/promises";
import { TimmcError } from "../ir/error.ts";

/** Throws `interrupted` once the signal has fired. */
export function refuseInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new TimmcError("interrupted", "stopped before the end; nothing half-written is left");
}

/** Milliseconds of work between two turns of the event loop: a key press is answered at once, and the turns cost nothing. */
const slice = 20;

/**
 * A pause for long work to call between its steps: it lets the event loop turn when the last turn is long ago, so that
 * signals arrive, and throws `interrupted` once the signal has fired.
 */
export function pauses(signal: AbortSignal | undefined): () => Promise<void> {
  let turned = performance.now();
  return async () => {
    if (performance.now() - turned >= slice) {
      await setImmediate();
      turned = performance.now();
    }
    refuseInterrupted(signal);
  };
}
