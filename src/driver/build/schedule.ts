import { setTimeout } from "node:timers/promises";
import { TimmcError } from "../../ir/error.ts";
import { type Budget, budgetOf } from "./budget.ts";
import type { Hand } from "./hand.ts";
import { type Ask, type Job, type Made, sentError } from "./protocol.ts";

/** How a job ended. */
export type Outcome =
  | { readonly kind: "made"; readonly made: Made; readonly seconds: number }
  | { readonly kind: "failed"; readonly error: TimmcError; readonly seconds: number };

interface Options {
  /** Jobs at a time at most. */
  readonly hands: number;
  /** Bytes that jobs take together at most, but that one always runs. */
  readonly memory: number;
  readonly makeHand: () => Hand;
  readonly signal: AbortSignal | undefined;
  /** Throws where a job must not run, knowing what it stands for. */
  readonly permit: (job: Job, ask: Ask) => void;
  readonly ended: (job: Job, outcome: Outcome) => void;
  readonly note: (job: Job, text: string) => void;
  readonly progress: (job: Job, text: string) => void;
}

/** Milliseconds for jobs to end on their own once they are told to. */
const grace = 10_000;

/**
 * Does jobs on several hands within a budget of memory. What fails, ends its job alone. A hand prefers jobs of the model
 * that it had last, whose weights it has hashed. When the signal fires, running jobs are told to stop and are waited for.
 */
export async function schedule(jobs: readonly Job[], options: Options): Promise<void> {
  const queue = [...jobs];
  const budget = budgetOf(options.memory);
  const hands = new Set<Hand>();
  const stop = (): void => hands.forEach((hand) => hand.stop());
  options.signal?.addEventListener("abort", stop);
  try {
    const lanes = Array.from({ length: Math.min(options.hands, jobs.length) }, () =>
      lane(queue, budget, hands, options),
    );
    const all = Promise.all(lanes);
    await (options.signal === undefined ? all : Promise.race([all, patience(options.signal)]));
  } finally {
    options.signal?.removeEventListener("abort", stop);
    await Promise.all([...hands].map((hand) => hand.close()));
  }
}

/** Ends some seconds after a signal fires. */
const patience = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const wait = (): void => void setTimeout(grace, undefined, { ref: false }).then(resolve);
    if (signal.aborted) wait();
    else signal.addEventListener("abort", wait, { once: true });
  });

async function lane(queue: Job[], budget: Budget, hands: Set<Hand>, options: Options): Promise<void> {
  let hand: Hand | undefined;
  let last: string | undefined;
  for (let job = next(queue, last); job !== undefined; job = next(queue, last)) {
    if (options.signal?.aborted) return;
    if (hand?.isWhole !== true) {
      if (hand !== undefined) hands.delete(hand);
      hand = options.makeHand();
      hands.add(hand);
    }
    options.ended(job, await outcomeOf(job, hand, budget, options));
    last = job.request.model;
  }
}

/** The next job, of the same model where there is one. */
function next(queue: Job[], model: string | undefined): Job | undefined {
  const at = queue.findIndex((job) => job.request.model === model);
  return queue.splice(Math.max(at, 0), 1)[0];
}

async function outcomeOf(job: Job, hand: Hand, budget: Budget, options: Options): Promise<Outcome> {
  const from = performance.now();
  let waited = 0;
  const seconds = (): number => (performance.now() - from - waited) / 1000;
  let hasEnded = false;
  let release = (): void => {};
  const ask = async (question: Ask): Promise<void> => {
    options.permit(job, question);
    const asked = performance.now();
    const taken = await budget.take(question.bytes);
    waited = performance.now() - asked;
    if (hasEnded) taken();
    else release = taken;
  };
  const told = {
    note: (text: string) => options.note(job, text),
    progress: (text: string) => options.progress(job, text),
  };
  try {
    return { kind: "made", made: await hand.perform(job, ask, told), seconds: seconds() };
  } catch (error) {
    const { code, message, trail, hint } = sentError(error);
    return { kind: "failed", error: new TimmcError(code, message, { trail, hint }), seconds: seconds() };
  } finally {
    hasEnded = true;
    release();
  }
}
