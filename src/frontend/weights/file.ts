import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { messageOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";
import { printable } from "../printable.ts";

/** Reports a broken rule, of one tensor where it is known. */
export type Refuse = (rule: string, tensor?: string) => never;

/** Random access to the bytes of a weight file, or of a part of it. */
export interface RandomBytes {
  readonly size: number;
  /** `length` bytes from `at` on, in memory of their own. The caller keeps within `size`. */
  read(at: number, length: number): Uint8Array<ArrayBuffer>;
}

/** Bytes per system call: below the 2 GiB that one read may ask for. */
const MAX_READ = 1 << 30;

/** A regular file as random bytes. Throws TimmcError `io` where it cannot be opened. */
export function openBytes(path: string, refuse: Refuse): RandomBytes & { close(): void } {
  const descriptor = openFile(path);
  let open = true;
  return {
    size: fstatSync(descriptor).size,
    read: (at, length) => {
      if (!open) throw new TimmcError("weights", "read after its source was closed", { trail: [path] });
      return readBytes(descriptor, at, length, refuse);
    },
    close: () => {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

/** The bytes from `begin` on. */
export const partOf = (bytes: RandomBytes, begin: number, size: number): RandomBytes => ({
  size,
  read: (at, length) => bytes.read(begin + at, length),
});

/** Memory that the caller fills before anyone sees it: zeros would cost a tenth of the reading. */
const uninitialized = (length: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);

/** `length` is at most the file's size, so a hostile header cannot ask for more memory than the file takes on disk. */
export function readBytes(
  descriptor: number,
  position: number,
  length: number,
  refuse: Refuse,
): Uint8Array<ArrayBuffer> {
  let done = 0;
  try {
    const bytes = uninitialized(length);
    while (done < length) {
      const count = readSync(descriptor, bytes, done, Math.min(length - done, MAX_READ), position + done);
      if (count === 0) break;
      done += count;
    }
    if (done === length) return bytes;
  } catch (error) {
    throw new TimmcError(
      "io",
      `${length} bytes at ${position} of the weight file cannot be read: ${messageOf(error)}`,
      {
        hint: "Check the disk and the free memory.",
        cause: error,
      },
    );
  }
  return refuse(`the file ends at byte ${position + done}: it was cut while in use`);
}

/** A pipe or device would block or never end, so the kind is asked before the file is opened. */
export function openFile(path: string): number {
  try {
    if (statSync(path).isFile()) return openSync(path, "r");
  } catch (error) {
    throw new TimmcError("io", `the weight file cannot be read: ${messageOf(error)}`, {
      trail: [path],
      hint: "Check the path.",
      cause: error,
    });
  }
  throw new TimmcError("io", "the weight file is not a regular file", { trail: [path], hint: "Name the file itself." });
}

/** Text of untrusted files for messages: at most 80 characters, none that a terminal obeys. */
export const shown = (text: string): string => printable(JSON.stringify(text.slice(0, 80))).slice(1, -1);
