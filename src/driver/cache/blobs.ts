import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { pauses } from "../../backends/interrupt.ts";
import { codeOf, messageOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Segment } from "./entry.ts";
import type { BuildCache } from "./folder.ts";
import { blobPath, plainFile, removePlace, touch, writeInto } from "./places.ts";

/** A blob that is missing or is not what its name says. */
export class DamagedBlob extends Error {
  override readonly name = "DamagedBlob";
  readonly sha256: string;

  constructor(sha256: string, what: string) {
    super(what);
    this.sha256 = sha256;
  }
}

/** Bytes that are read at a time. */
const chunkBytes = 4 * 2 ** 20;

/** The bytes of a segment in pieces, each valid until the next is taken. Throws DamagedBlob for one of another size. */
export function* blobBytes(cache: BuildCache, { sha256, bytes }: Segment): Generator<Uint8Array, void> {
  const descriptor = openBlob(cache, sha256);
  try {
    if (fstatSync(descriptor).size !== bytes) throw new DamagedBlob(sha256, "has another size");
    yield* rangeBytes(descriptor, 0, bytes, (what) => new DamagedBlob(sha256, what));
  } finally {
    closeSync(descriptor);
  }
}

function openBlob(cache: BuildCache, sha256: string): number {
  const path = blobPath(cache, sha256);
  const facts = plainFile(path);
  if (facts === undefined) throw new DamagedBlob(sha256, "is missing");
  if (facts === null) throw new DamagedBlob(sha256, "is no plain file");
  try {
    return openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw new DamagedBlob(sha256, codeOf(error) === "ENOENT" ? "is missing" : `cannot be read (${codeOf(error)})`);
  }
}

/** A range of an open file in pieces, each valid until the next is taken. Throws `damaged(reason)` where it cannot be read. */
function* rangeBytes(
  descriptor: number,
  from: number,
  bytes: number,
  damaged: (what: string) => Error,
): Generator<Uint8Array, void> {
  const buffer = Buffer.allocUnsafe(Math.min(bytes, chunkBytes));
  for (let done = 0; done < bytes;) {
    const n = readSome(descriptor, buffer.subarray(0, bytes - done), from + done, damaged);
    if (n === 0) throw damaged("was cut while it was read");
    yield buffer.subarray(0, n);
    done += n;
  }
}

/** A file that another machine has taken away ends in an error too. */
function readSome(descriptor: number, into: Uint8Array, at: number, damaged: (what: string) => Error): number {
  try {
    return readSync(descriptor, into, 0, into.length, at);
  } catch (error) {
    throw damaged(`cannot be read (${messageOf(error)})`);
  }
}

/** Whether a blob's bytes are those of its name; false where it is missing. */
export async function isWholeBlob(cache: BuildCache, sha256: string, signal?: AbortSignal): Promise<boolean> {
  const hash = createHash("sha256");
  const pause = pauses(signal);
  try {
    const descriptor = openBlob(cache, sha256);
    try {
      const { size } = fstatSync(descriptor);
      for (const piece of rangeBytes(descriptor, 0, size, (what) => new DamagedBlob(sha256, what))) {
        hash.update(piece);
        await pause();
      }
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (error instanceof DamagedBlob) return false;
    throw error;
  }
  return hash.digest("hex") === sha256;
}

/**
 * Keeps the files of a folder as segments: what the cache has already is not written again, but counts as used now, so
 * that nobody who prunes takes it away before an entry names it. Gives the segments and the bytes that were written.
 */
export async function keepFile(
  cache: BuildCache,
  path: string,
  lengths: readonly number[],
  signal?: AbortSignal,
): Promise<{ readonly segments: Segment[]; readonly written: number }> {
  const pause = pauses(signal);
  const cut = (what: string): Error => new TimmcError("io", `the file ${what}`, { trail: [path] });
  const descriptor = openSync(path, constants.O_RDONLY);
  try {
    const segments: Segment[] = [];
    let [from, written] = [0, 0];
    for (const bytes of lengths) {
      const hash = createHash("sha256");
      for (const piece of rangeBytes(descriptor, from, bytes, cut)) {
        hash.update(piece);
        await pause();
      }
      const segment = { sha256: hash.digest("hex"), bytes };
      if (!isKept(cache, segment)) {
        writeInto(cache, blobPath(cache, segment.sha256), rangeBytes(descriptor, from, bytes, cut));
        written += bytes;
      }
      segments.push(segment);
      from += bytes;
    }
    return { segments, written };
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Whether a blob is there, by its size: what is in it is looked at when it is read. One that cannot be marked as used is
 * written again.
 */
function isKept(cache: BuildCache, { sha256, bytes }: Segment): boolean {
  const path = blobPath(cache, sha256);
  const facts = plainFile(path);
  if (facts?.size === bytes && touch(path)) return true;
  if (facts !== undefined) removePlace(path);
  return false;
}
