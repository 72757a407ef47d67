import { type Hash, createHash } from "node:crypto";
import { constants, lstatSync, rmSync, statfsSync } from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TimmcError } from "../../ir/error.ts";
import { HubError, afterTries, diskError, interrupted, isPassing } from "./error.ts";
import { type HubAddress, type RemoteFile, etagOf, fileUrl, refusal } from "./metadata.ts";
import { type HubResponse, send } from "./request.ts";
import type { HubSettings } from "./settings.ts";

interface DownloadJob {
  readonly settings: HubSettings;
  /** The repository at a commit, so that a moving branch cannot change the file on the way. */
  readonly at: HubAddress;
  readonly file: string;
  readonly remote: RemoteFile;
  /** Where the file grows, and where it goes when it is whole. */
  readonly partial: string;
  readonly target: string;
  readonly signal: AbortSignal | undefined;
  readonly report: (bytes: number, total: number) => void;
  /** Called before the connection is made again, with how many times in a row it has to be. */
  readonly onRetry: (error: HubError, attempt: number) => void;
  /** Whether this process is still the only writer. */
  readonly isMine: () => boolean;
}

/** What has arrived: bytes on disk, and their hash so far. */
interface Arrived {
  readonly handle: FileHandle;
  bytes: number;
  hash: Hash | undefined;
  /** Bytes of an earlier process or connection are among them. */
  isMixed: boolean;
  /** The strong etag of the last answer that sent bytes, for If-Range; it means nothing to another host. */
  validator: { readonly origin: string; readonly etag: string } | undefined;
}

/** Connections of one download, whatever each brings: a server that sends a byte at a time is not waited for without end. */
const maxConnections = 200;

/** Longer than this nobody waits in silence. */
const maxPause = 60_000;

/**
 * Downloads a file to its place, going on where an earlier download ended. Size and hash are checked before it is
 * placed. On a failure the bytes that came stay for the next time, unless they are known to be wrong.
 *
 * @throws HubError; TimmcError `interrupted`.
 */
export async function download(job: DownloadJob): Promise<void> {
  const { partial, remote } = job;
  requireRoom(job);
  const arrived = await openPartial(job);
  try {
    await receiveAll(job, arrived);
    if (!matches(arrived, remote)) {
      if (!arrived.isMixed) throw wrongContent(job);
      await restart(job, arrived);
      await receiveAll(job, arrived);
      if (!matches(arrived, remote)) throw wrongContent(job);
    }
    await arrived.handle.datasync().catch((cause: unknown) => {
      throw diskError(partial, cause);
    });
  } catch (error) {
    await arrived.handle.close();
    const isUseless = error instanceof HubError && (error.failure === "content" || error.failure === "changed");
    if (isUseless || sizeOf(partial) === 0) rmSync(partial, { force: true });
    throw error;
  }
  await arrived.handle.close();
  if (!job.isMine()) throw new HubError("changed", "another process has taken the download over");
  await rename(partial, job.target).catch((cause: unknown) => {
    throw diskError(job.target, cause);
  });
}

/** Fills the file over as many connections as it takes; failures in a row without a new byte end it. */
async function receiveAll(job: DownloadJob, arrived: Arrived): Promise<void> {
  const { settings, remote, signal } = job;
  let failures = 0;
  for (let connection = 1; arrived.bytes < remote.size; connection++) {
    const before = arrived.bytes;
    try {
      await receive(job, arrived);
    } catch (error) {
      if (!isPassing(error)) throw error;
      failures = arrived.bytes > before ? 1 : failures + 1;
      if (failures >= settings.attempts || connection >= maxConnections) throw afterTries(error, failures);
      job.onRetry(error, failures + 1);
      await pause(settings, failures, error, signal);
    }
  }
}

/**
 * Waits before a retry: as long as the server asks, else exponentially longer, with jitter.
 *
 * @throws HubError The `error` itself, where the server asks for more than a minute; TimmcError `interrupted`.
 */
export async function pause(
  { backoff }: HubSettings,
  failures: number,
  error: HubError,
  signal: AbortSignal | undefined,
): Promise<void> {
  const own = Math.min(maxPause, backoff * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
  const asked = error.retryAfter ?? 0;
  if (asked > maxPause) throw error;
  await sleep(Math.max(own, asked), undefined, signal === undefined ? {} : { signal }).catch(() => {
    throw interrupted();
  });
}

/** One connection: asks for what is missing and writes what comes. */
async function receive(job: DownloadJob, arrived: Arrived): Promise<void> {
  const { settings, at, file, remote, signal } = job;
  const { bytes: from, validator } = arrived;
  const answer = await send(settings, {
    method: "GET",
    url: fileUrl(settings, at, file),
    timeout: settings.bodyTimeout,
    signal,
    abroad: true,
    headersFor: ({ origin }) => ({
      ...(from === 0 ? {} : { range: `bytes=${from}-` }),
      ...(from === 0 || validator?.origin !== origin ? {} : { "if-range": validator.etag }),
    }),
  });
  try {
    requireSame(job, answer);
    await aim(job, arrived, answer);
    for await (const chunk of answer.chunks()) await append(job, arrived, chunk);
    if (arrived.bytes < remote.size)
      throw new HubError("network", `${answer.url.host} sent ${arrived.bytes} of ${remote.size} bytes and no more`);
  } finally {
    answer.close();
  }
}

/** The Hub's own answer still announces the same content. */
function requireSame({ settings, remote }: DownloadJob, { hops, response, url }: HubResponse): void {
  const linked = hops.find((headers) => headers.has("x-linked-etag"));
  const isHome = url.origin === new URL(settings.endpoint).origin && response.status < 300;
  const etag = linked === undefined ? (isHome ? etagOf(response.headers) : undefined) : etagOf(linked);
  if (etag !== undefined && etag !== remote.etag) throw new HubError("changed", "the file has become another one");
}

/** Reads the head of an answer and makes the file ready for its body: a whole answer begins anew. */
async function aim(job: DownloadJob, arrived: Arrived, answer: HubResponse): Promise<void> {
  const { remote, settings, at, file } = job;
  const { response, url } = answer;
  const { status, headers } = response;
  if (status === 416 && arrived.bytes > 0) {
    await restart(job, arrived);
    throw new HubError("server", `${url.host} does not have the rest of the file (416)`);
  }
  if (status >= 400) throw refusal(answer, settings, at, file);
  const [from, total] = status === 206 ? rangeOf(headers) : [0, lengthOf(headers)];
  if ((status !== 200 && status !== 206) || from === undefined)
    throw new HubError("protocol", `${url.host} answers ${status} without a file`);
  if (total !== undefined && total !== remote.size)
    throw new HubError("content", `${url.host} has ${total} bytes where the Hub announces ${remote.size}`);
  if (status === 200 && arrived.bytes > 0) await restart(job, arrived);
  if (from !== arrived.bytes) {
    await restart(job, arrived);
    throw new HubError("server", `${url.host} sends another part than the one asked for`);
  }
  arrived.isMixed ||= from > 0;
  const etag = headers.get("etag");
  arrived.validator = etag === null || etag.startsWith("W/") ? undefined : { origin: url.origin, etag };
}

/** `bytes FROM-TO/TOTAL`. */
function rangeOf(headers: Headers): [from: number | undefined, total: number | undefined] {
  const [, from, total] = /^bytes (\d{1,16})-\d{1,16}\/(\d{1,16}|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  return [
    from === undefined ? undefined : Number(from),
    total === undefined || total === "*" ? undefined : Number(total),
  ];
}

/** Of the file, which is not that of a compressed body. */
function lengthOf(headers: Headers): number | undefined {
  const length = headers.get("content-length");
  return length === null || headers.has("content-encoding") ? undefined : Number(length);
}

async function append({ remote, partial, report }: DownloadJob, arrived: Arrived, chunk: Uint8Array): Promise<void> {
  if (arrived.bytes + chunk.length > remote.size)
    throw new HubError("content", `more bytes come than the ${remote.size} that the Hub announces`);
  try {
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await arrived.handle.write(chunk, done, chunk.length - done, arrived.bytes + done);
      done += bytesWritten;
    }
  } catch (cause) {
    // What was written of the piece is not counted, so it goes too: hash and length of the rest stay equal.
    await arrived.handle.truncate(arrived.bytes).catch(() => {});
    throw diskError(partial, cause);
  }
  arrived.hash?.update(chunk);
  arrived.bytes += chunk.length;
  report(arrived.bytes, remote.size);
}

/** Opens what an earlier download has left and hashes it; a file that cannot be a beginning is emptied. */
async function openPartial({ partial, remote, signal }: DownloadJob): Promise<Arrived> {
  const status = lstatSync(partial, { throwIfNoEntry: false });
  try {
    if (status !== undefined && !status.isFile()) rmSync(partial, { recursive: true });
    const handle = await open(partial, constants.O_RDWR | constants.O_CREAT, 0o666);
    const arrived: Arrived = { handle, bytes: 0, hash: hashFor(remote), isMixed: false, validator: undefined };
    try {
      await readArrived(arrived, remote.size, signal);
      return arrived;
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    throw error instanceof TimmcError ? error : diskError(partial, error);
  }
}

async function readArrived(arrived: Arrived, size: number, signal: AbortSignal | undefined): Promise<void> {
  if ((await arrived.handle.stat()).size > size) await arrived.handle.truncate(0);
  const buffer = Buffer.allocUnsafe(4 << 20);
  for (;;) {
    if (signal?.aborted === true) throw interrupted();
    const { bytesRead } = await arrived.handle.read(buffer, 0, buffer.length, arrived.bytes);
    if (bytesRead === 0) break;
    arrived.hash?.update(buffer.subarray(0, bytesRead));
    arrived.bytes += bytesRead;
  }
  arrived.isMixed = arrived.bytes > 0;
}

async function restart({ partial, remote }: DownloadJob, arrived: Arrived): Promise<void> {
  await arrived.handle.truncate(0).catch((cause: unknown) => {
    throw diskError(partial, cause);
  });
  arrived.bytes = 0;
  arrived.hash = hashFor(remote);
  arrived.isMixed = false;
  arrived.validator = undefined;
}

/** An etag of 64 digits is the SHA-256 of a large file, one of 40 git's id of a small one; another says nothing. */
function hashFor({ etag, size }: RemoteFile): Hash | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return createHash("sha256");
  return /^[0-9a-f]{40}$/.test(etag) ? createHash("sha1").update(`blob ${size}\0`) : undefined;
}

/** Ends the hash: asked once for what has arrived. */
const matches = ({ hash }: Arrived, { etag }: RemoteFile): boolean => hash === undefined || hash.digest("hex") === etag;

const wrongContent = ({ file }: DownloadJob): HubError =>
  new HubError("content", `the bytes of ${file} are not those that the Hub announces: their hash differs`, {
    hint: "Nothing of them was kept. Run the command again; where it happens again, a proxy or the server is at fault.",
  });

/** Refuses before the first byte what the disk cannot hold. */
function requireRoom({ partial, remote }: DownloadJob): void {
  const folder = dirname(partial);
  const missing = remote.size - sizeOf(partial);
  try {
    const { bavail, bsize } = statfsSync(folder);
    if (missing <= bavail * bsize) return;
  } catch (cause) {
    throw diskError(folder, cause);
  }
  throw new HubError("disk", `${folder}: the disk has no room for the ${remote.size} bytes of the file`, {
    hint: "Free some room, or name another disk with --cache-dir DIR.",
  });
}

const sizeOf = (path: string): number => lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
