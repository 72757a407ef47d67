import { createHash, randomBytes } from "node:crypto";
import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";

/** What a manifest says of a file; `sha256` in lower-case hexadecimal. */
export interface WrittenFile {
  readonly byteLength: number;
  readonly sha256: string;
}

/** A name beside a file for what is to become it. */
export const temporaryBeside = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);

/**
 * Writes a file that appears under its name only when it is complete: the bytes go to a temporary file in the same folder,
 * which `commit` renames and `abort` removes. Exactly one of the two must follow. There is no fsync: the artifact's
 * manifest, which holds the hash, tells a torn file from a whole one. Failures of the file system are `io` errors.
 */
export class HashingFileSink {
  readonly path: string;
  readonly #temporary: string;
  readonly #hash = createHash("sha256");
  #descriptor: number | undefined;
  #byteLength = 0;

  constructor(path: string) {
    this.path = path;
    this.#temporary = temporaryBeside(path);
    this.#descriptor = this.#guard(() => openSync(this.#temporary, "wx"));
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Takes the next bytes of the file; the caller may reuse the array as soon as `write` returns. */
  write(bytes: Uint8Array): void {
    const descriptor = this.#open();
    // A write may take only a part of the bytes, and of more than 2 GiB always does.
    for (let done = 0; done < bytes.length;) {
      done += this.#guard(() => writeSync(descriptor, bytes, done, Math.min(bytes.length - done, 2 ** 30)));
    }
    this.#hash.update(bytes);
    this.#byteLength += bytes.length;
  }

  /** Gives the file its name and says what it holds; when that fails, the temporary file is gone all the same. */
  commit(): WrittenFile {
    try {
      this.#close();
      this.#guard(() => renameSync(this.#temporary, this.path));
    } catch (error) {
      rmSync(this.#temporary, { force: true });
      throw error;
    }
    return { byteLength: this.#byteLength, sha256: this.#hash.digest("hex") };
  }

  /** Leaves no trace; does nothing after `commit`. */
  abort(): void {
    if (this.#descriptor === undefined) return;
    try {
      this.#close();
    } finally {
      rmSync(this.#temporary, { force: true });
    }
  }

  #close(): void {
    const descriptor = this.#open();
    this.#descriptor = undefined;
    this.#guard(() => closeSync(descriptor));
  }

  #open(): number {
    if (this.#descriptor !== undefined) return this.#descriptor;
    throw new TimmcError("io", `${this.path} is already closed`);
  }

  #guard<T>(body: () => T): T {
    try {
      return body();
    } catch (cause) {
      // Behind the reason Node names the call and its paths, of which the temporary one is nobody's business.
      const [reason = ""] = messageOf(cause).split(", ", 1);
      throw new TimmcError("io", `cannot write ${this.path}: ${reason}`, {
        hint: "Check that the folder exists, is writable and has room.",
        cause,
      });
    }
  }
}
