import { Worker } from "node:worker_threads";
import { messageLineOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";
import { type Ask, type FromWorker, type Job, type Made, type ToWorker, receivedError, sentError } from "./protocol.ts";

/** Who does jobs, one at a time. */
export interface Hand {
  /**
   * Does a job; `ask` is waited for before anything large begins, and what it throws ends the job. Throws TimmcError, with
   * the code `io` where the hand itself is gone.
   */
  perform(job: Job, ask: (ask: Ask) => Promise<void>, told: Told): Promise<Made>;
  /** Whether another job may follow. */
  readonly isWhole: boolean;
  /** Tells the job that runs to end. */
  stop(): void;
  close(): Promise<void>;
}

/** Who is told how a job gets on. */
interface Told {
  readonly note: (text: string) => void;
  readonly progress: (text: string) => void;
}

/** The program of a worker thread as it lies beside this file. */
const workerFile = new URL("./worker.js", import.meta.url);

/** A worker thread that does jobs. A thread that crashes or exceeds its heap, of `heapBytes` at most, fails its job alone. */
export function threadHand(heapBytes: number, file: URL = workerFile): Hand {
  const worker = new Worker(file, {
    resourceLimits: { maxOldGenerationSizeMb: Math.ceil(heapBytes / 2 ** 20) },
    // Node's own options are of the program that it was started with, such as one given by --eval.
    execArgv: [],
  });
  const send = (message: ToWorker): void => worker.postMessage(message, []);
  let current:
    | { readonly settle: (message: FromWorker) => void; readonly fail: (error: TimmcError) => void }
    | undefined;
  let isWhole = true;
  const gone = (what: string): void => {
    isWhole = false;
    current?.fail(new TimmcError("io", what, { hint: "Give the build more --memory, or fewer --jobs." }));
  };
  worker.on("message", (message: FromWorker) => current?.settle(message));
  worker.on("error", (error) => gone(crashText(error)));
  worker.on("exit", (code) => gone(`its worker ended with status ${code}`));
  return {
    get isWhole() {
      return isWhole;
    },
    perform: (job, ask, told) =>
      new Promise<Made>((resolve, reject) => {
        const asked = async (question: Ask): Promise<void> => {
          try {
            await ask(question);
            send({ kind: "permit" });
          } catch (error) {
            send({ kind: "refuse", error: sentError(error) });
          }
        };
        current = {
          fail: reject,
          settle: (message) => {
            if (message.kind === "ask") void asked(message.ask);
            else if (message.kind === "note") told.note(message.text);
            else if (message.kind === "progress") told.progress(message.text);
            else if (message.kind === "made") resolve(message.made);
            else reject(receivedError(message.error));
          },
        };
        if (isWhole) send({ kind: "job", job });
        else gone("its worker is gone");
      }).finally(() => {
        current = undefined;
      }),
    stop: () => send({ kind: "stop" }),
    close: async () => {
      isWhole = false;
      await worker.terminate();
    },
  };
}

const crashText = (error: unknown): string =>
  typeof error === "object" && error !== null && Reflect.get(error, "code") === "ERR_WORKER_OUT_OF_MEMORY"
    ? "its worker ran out of memory"
    : `its worker crashed: ${messageLineOf(error)}`;
