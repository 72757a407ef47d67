import { randomBytes } from "node:crypto";
import {
  linkSync,
  openSync,
  closeSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeFolder } from "../make-folder.ts";
import { diskError, interrupted } from "./error.ts";
import { codeOf } from "../../ir/caught.ts";

export interface LockTimes {
  /** Milliseconds between two signs of life of a holder. */
  readonly heartbeat: number;
  /** Milliseconds without one after which a lock is nobody's. */
  readonly stale: number;
  /** Milliseconds between two looks at a lock that another holds. */
  readonly poll: number;
}

const usual: LockTimes = { heartbeat: 2000, stale: 20_000, poll: 100 };

interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once where another process has the lock. */
  readonly onWait?: (() => void) | undefined;
  readonly times?: LockTimes;
}

/**
 * Runs `body` while this process alone has the lock file. Node has no `flock`, so huggingface_hub's own lock cannot be
 * taken, and a file that it left says nothing: this is a file beside it that exists exactly as long as it is held. One
 * whose process is gone, or gives no sign of life for long, is taken away. Two holders at once are still possible where a
 * process sleeps and wakes; `isMine` tells it then, and a blob's hash is checked before it is placed.
 *
 * @throws HubError `disk`; TimmcError `interrupted`.
 */
export async function withLock<T>(
  path: string,
  { signal, onWait, times = usual }: LockOptions,
  body: (isMine: () => boolean) => Promise<T>,
): Promise<T> {
  const owner = JSON.stringify({ pid: process.pid, host: hostname(), id: randomBytes(8).toString("hex") });
  const isMine = (): boolean => contentOf(path) === owner;
  await acquire(path, owner, { signal, onWait, times });
  const timer = setInterval(() => {
    if (isMine()) touch(path);
  }, times.heartbeat);
  timer.unref();
  try {
    return await body(isMine);
  } finally {
    clearInterval(timer);
    if (isMine()) rmSync(path, { force: true });
  }
}

async function acquire(path: string, owner: string, options: Required<LockOptions>): Promise<void> {
  let isFirst = true;
  while (!create(path, owner)) {
    if (options.signal?.aborted === true) throw interrupted();
    const seen = contentOf(path);
    if (seen !== undefined && isStale(path, seen, options.times.stale)) remove(path, seen);
    else {
      if (isFirst) options.onWait?.();
      isFirst = false;
      await sleep(options.times.poll, undefined, { signal: options.signal }).catch(() => {});
    }
  }
}

function create(path: string, owner: string): boolean {
  try {
    makeFolder(dirname(path));
  } catch (error) {
    throw diskError(dirname(path), error);
  }
  try {
    const file = openSync(path, "wx");
    try {
      writeSync(file, owner);
    } finally {
      closeSync(file);
    }
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw diskError(path, error);
  }
}

/** Gone with its process, where that can be known here; otherwise without a sign of life for too long. */
function isStale(path: string, owner: string, stale: number): boolean {
  const { pid, host } = parseOwner(owner);
  if (host === hostname() && pid !== undefined && !isAlive(pid)) return true;
  const status = statSync(path, { throwIfNoEntry: false });
  return status !== undefined && Date.now() - status.mtimeMs > stale;
}

function parseOwner(text: string): { pid: number | undefined; host: unknown } {
  try {
    const { pid, host } = JSON.parse(text) as { pid?: unknown; host?: unknown };
    return { pid: typeof pid === "number" && Number.isInteger(pid) && pid > 0 ? pid : undefined, host };
  } catch {
    return { pid: undefined, host: undefined };
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

/** Moved aside first: what another process has put there meanwhile is put back, unless a third one was faster. */
function remove(path: string, seen: string): void {
  const aside = `${path}.${randomBytes(8).toString("hex")}`;
  try {
    renameSync(path, aside);
    if (contentOf(aside) !== seen) linkSync(aside, path);
  } catch {
    // Another process was faster; the next look tells.
  } finally {
    rmSync(aside, { force: true });
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Taken away a moment ago; isMine tells.
  }
}
