import type { Hand } from "../../../src/driver/build/hand.ts";
import { perform } from "../../../src/driver/build/perform.ts";

/** Does jobs in this thread: the same as a worker, without its start. */
export function inlineHand(): Hand {
  let stop = new AbortController();
  return {
    isWhole: true,
    perform: (job, ask, told) => {
      stop = new AbortController();
      return perform(job, { signal: stop.signal, ask, ...told });
    },
    stop: () => stop.abort(),
    close: async () => {},
  };
}
