import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";

/**
 * Reads a regular file of at most `maxBytes`. Kind and size are asked before anything is read: a named pipe would wait for
 * a writer, a device never ends, and a large file would fill the memory. Throws TimmcError `io` with the path.
 */
export function readBounded(path: string, maxBytes: number): Uint8Array {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const facts = fstatSync(descriptor);
      if (!facts.isFile()) throw refused(path, "this is not a file");
      if (facts.size > maxBytes) throw refused(path, `the file has ${facts.size} bytes; at most ${maxBytes} are read`);
      return readExactly(descriptor, facts.size, path);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (error instanceof TimmcError) throw error;
    throw refused(path, `it cannot be read (${messageOf(error)})`, error);
  }
}

/** The size was asked first; a file that shrinks meanwhile is refused, and what it gains is not read. */
function readExactly(descriptor: number, size: number, path: string): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let done = 0; done < size;) {
    const n = readSync(descriptor, bytes, done, Math.min(size - done, 2 ** 30), done);
    if (n === 0) throw refused(path, "the file was cut while it was read");
    done += n;
  }
  return bytes;
}

const refused = (path: string, what: string, cause?: unknown): TimmcError =>
  new TimmcError("io", what, { trail: [path], hint: "Check the path and its permissions.", cause });
