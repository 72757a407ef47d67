import { type MessagePort, parentPort } from "node:worker_threads";
import { TimmcError } from "../../ir/error.ts";
import { perform } from "./perform.ts";
import { type FromWorker, type Job, type ToWorker, receivedError, sentError } from "./protocol.ts";

/** The program of a worker thread: one job after the other, for as long as it is told. */

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function serve(port: MessagePort): void {
  const send = (message: FromWorker): void => port.postMessage(message, []);
  let stop = new AbortController();
  let waiting: Waiting | undefined;
  const run = async (job: Job): Promise<void> => {
    stop = new AbortController();
    try {
      const made = await perform(job, {
        signal: stop.signal,
        note: (text) => send({ kind: "note", text }),
        progress: (text) => send({ kind: "progress", text }),
        ask: (ask) =>
          new Promise((resolve, reject) => {
            waiting = { resolve, reject };
            send({ kind: "ask", ask });
          }),
      });
      send({ kind: "made", made });
    } catch (error) {
      send({ kind: "failed", error: sentError(error) });
    }
  };
  port.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "job":
        return void run(message.job);
      case "permit":
        return waiting?.resolve();
      case "refuse":
        return waiting?.reject(receivedError(message.error));
      case "stop":
        stop.abort();
        return waiting?.reject(new TimmcError("interrupted", "stopped before the end; nothing half-written is left"));
    }
  });
}

if (parentPort !== null) serve(parentPort);
