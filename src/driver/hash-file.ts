import { createHash } from "node:crypto";
import { type BigIntStats, constants, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { messageOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";

/** What changes when a file is replaced or written to. */
type FileIdentity = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs">;

/** The identity of a file now; undefined where there is none. */
export const identityOf = (path: string): FileIdentity | undefined =>
  statSync(path, { throwIfNoEntry: false, bigint: true });

interface HashOptions {
  readonly signal?: AbortSignal | undefined;
  /** The file that is meant: another one under its name is refused. */
  readonly identity?: FileIdentity | undefined;
}

/**
 * SHA-256 of a regular file in lower-case hexadecimal, read in pieces between which other events are heard. Throws
 * TimmcError `io`, for a file that changes meanwhile too, and `interrupted`.
 */
export async function hashFile(path: string, { signal, identity }: HashOptions = {}): Promise<string> {
  try {
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const before = await file.stat({ bigint: true });
      if (!before.isFile()) throw refused(path, "this is not a file");
      requireSame(path, identity ?? before, before);
      const hash = createHash("sha256");
      const buffer = Buffer.allocUnsafe(4 << 20);
      for (;;) {
        refuseInterrupted(signal);
        const { bytesRead } = await file.read(buffer);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
      }
      requireSame(path, before, await file.stat({ bigint: true }));
      requireSame(path, before, identityOf(path));
      return hash.digest("hex");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof TimmcError) throw error;
    throw refused(path, `it cannot be read (${messageOf(error)})`, error);
  }
}

/** Hashes of files as they were when they were read, by their paths. */
const known = new Map<string, { readonly identity: FileIdentity; readonly sha256: string }>();

/** Of a file that many read: as `hashFile`, but a file that has not changed since is read once per process. */
export async function hashOnce(path: string, options: HashOptions = {}): Promise<string> {
  const identity = options.identity ?? identityOf(path);
  const before = known.get(path);
  if (before !== undefined && isSame(before.identity, identity) && isSame(before.identity, identityOf(path)))
    return before.sha256;
  const sha256 = await hashFile(path, { ...options, identity });
  if (identity !== undefined) known.set(path, { identity, sha256 });
  return sha256;
}

interface HashFilesOptions {
  readonly signal?: AbortSignal | undefined;
  /** The files that are meant, one by one. */
  readonly identities?: readonly (FileIdentity | undefined)[];
}

/**
 * One hash of a weight source: of a single file its SHA-256, of an index and its files the SHA-256 of what
 * `sha256sum INDEX FILE...` prints in their folder. Files that have not changed are read once per process. Throws as `hashFile`.
 */
export async function hashFiles(
  paths: readonly string[],
  { signal, identities = [] }: HashFilesOptions = {},
): Promise<string> {
  const lines: { readonly sha256: string; readonly name: string }[] = [];
  for (const [i, path] of paths.entries())
    lines.push({ sha256: await hashOnce(path, { signal, identity: identities[i] }), name: basename(path) });
  const [only, ...more] = lines;
  if (only !== undefined && more.length === 0) return only.sha256;
  return createHash("sha256")
    .update(lines.map(({ sha256, name }) => `${sha256}  ${name}\n`).join(""))
    .digest("hex");
}

const isSame = (before: FileIdentity, now: FileIdentity | undefined): boolean =>
  (["dev", "ino", "size", "mtimeNs"] as const).every((field) => before[field] === now?.[field]);

function requireSame(path: string, before: FileIdentity, now: FileIdentity | undefined): void {
  if (isSame(before, now)) return;
  throw refused(path, "the file changed while it was in use");
}

const refused = (path: string, what: string, cause?: unknown): TimmcError =>
  new TimmcError("io", what, {
    trail: [path],
    hint: "Run the command again when the file is there and nothing writes to it.",
    cause,
  });
