import { mkdirSync, rmSync, statSync } from "node:fs";
import { codeOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";

/** What a process does with a file that it has to itself takes milliseconds: who has it for longer was killed. */
const staleMs = 10_000;
const retryMs = 10;

/**
 * Reads and writes a file that other processes read and write too, one at a time: a folder beside it says that it is taken.
 * Throws TimmcError `io` where that folder cannot be made.
 */
export function exclusively<T>(path: string, body: () => T): T {
  const taken = `${path}.taken`;
  while (!take(taken)) {
    const age = Date.now() - (statSync(taken, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > staleMs) rmSync(taken, { recursive: true, force: true });
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
  }
  try {
    return body();
  } finally {
    rmSync(taken, { recursive: true, force: true });
  }
}

function take(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false;
    throw new TimmcError("io", "the folder cannot be written", {
      trail: [folder],
      hint: "Check its permissions.",
      cause,
    });
  }
}
