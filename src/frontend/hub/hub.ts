import { statSync } from "node:fs";
import { dirname } from "node:path";
import { type RepoCache, isCommit, repoCache, requireFileName, tagCache } from "./cache.ts";
import { makeFolder } from "../make-folder.ts";
import { download, pause } from "./download.ts";
import { HubError, afterTries, diskError, isAbsence, isPassing } from "./error.ts";
import { withLock } from "./lock.ts";
import { type HubAddress, type RemoteFile, askFor } from "./metadata.ts";
import type { HubSettings } from "./settings.ts";

/** A file of a snapshot in the cache. */
export interface CachedFile {
  readonly path: string;
  readonly commit: string;
  /** What the user should know, such as that the copy may be old. */
  readonly notices: readonly string[];
}

export interface FetchOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes of a file that are there, and with its size. */
  readonly onBytes?: ((file: string, bytes: number, total: number) => void) | undefined;
  /** Called before each further try, with what went wrong and which try it is. */
  readonly onRetry?: ((error: HubError, attempt: number, attempts: number) => void) | undefined;
  /** Called where another process is downloading the file. */
  readonly onWait?: ((file: string) => void) | undefined;
  /** A file above this is refused before it is downloaded. */
  readonly maxBytes?: number | undefined;
}

/**
 * A file of a repository: from the cache where a commit names it, else as the Hub has it now, downloaded where it is not
 * cached. Where the Hub cannot be asked or refuses, the copy of the commit that the revision stood for last is used,
 * with a notice, as huggingface_hub does; that there is no such file or revision is believed at once.
 *
 * @throws HubError with the repository and file in its message or trail; TimmcError `interrupted`.
 */
export async function fetchFile(
  settings: HubSettings,
  at: HubAddress,
  file: string,
  options: FetchOptions = {},
): Promise<CachedFile> {
  requireFileName(file);
  const cache = repoCache(settings.cache, at.repo, settings.links);
  const known = cachedFile(cache, at.revision, file);
  if (isCommit(at.revision) && known !== undefined) return known;
  if (isCommit(at.revision) && cache.isMissing(at.revision, file)) throw noFile(at, file);
  if (settings.offline) return known ?? refuseOffline(settings, at, file);
  try {
    return await update(settings, cache, at, file, { ...options, hasCopy: known !== undefined });
  } catch (error) {
    if (known === undefined || !(error instanceof HubError) || !mayUseCopy(error)) throw error;
    const notice = `${at.repo}: ${error.message}; the cached copy of commit ${known.commit.slice(0, 12)} is used`;
    return { ...known, notices: [notice] };
  }
}

/** The file as a revision had it when it was last asked for; undefined where it is not in the cache. */
function cachedFile(cache: RepoCache, revision: string, file: string): CachedFile | undefined {
  const commit = cache.commitOf(revision);
  const path = commit === undefined ? undefined : cache.find(commit, file);
  return commit === undefined || path === undefined ? undefined : { path, commit, notices: [] };
}

/** Whether a failure says nothing of the copy at hand. */
const mayUseCopy = (error: HubError): boolean =>
  ["denied", "gated", "no-repo"].includes(error.failure) || isPassing(error);

const noFile = ({ repo, revision }: HubAddress, file: string): HubError =>
  new HubError("no-file", `${repo} has no ${JSON.stringify(file)} at ${revision}`);

function refuseOffline({ cache }: HubSettings, { repo, revision }: HubAddress, file: string): never {
  throw new HubError("not-cached", `${file} of ${repo} at ${revision} is not in the cache, and HF_HUB_OFFLINE is set`, {
    hint: `Unset it to download the file; the cache is ${cache}.`,
  });
}

interface UpdateOptions extends FetchOptions {
  /** There is something to fall back on: one try is enough. */
  readonly hasCopy: boolean;
}

/** Asks for the file and brings it; a file that changes on the way is asked for again. */
async function update(
  settings: HubSettings,
  cache: RepoCache,
  at: HubAddress,
  file: string,
  options: UpdateOptions,
): Promise<CachedFile> {
  for (let changes = 0; ; changes++) {
    try {
      const remote = await askPatiently(settings, cache, at, file, options);
      const path = await bring(settings, cache, at.repo, file, remote, options);
      cache.writeRef(at.revision, remote.commit);
      return { path, commit: remote.commit, notices: [] };
    } catch (error) {
      if (!(error instanceof HubError && error.failure === "changed" && changes < 3)) throw error;
    }
  }
}

async function askPatiently(
  settings: HubSettings,
  cache: RepoCache,
  at: HubAddress,
  file: string,
  { signal, hasCopy, onRetry }: UpdateOptions,
): Promise<RemoteFile> {
  for (let failures = 1; ; failures++) {
    try {
      return await askFor(settings, at, file, signal);
    } catch (error) {
      if (error instanceof HubError && error.failure === "no-file" && isCommit(at.revision))
        cache.markMissing(at.revision, file);
      if (!isPassing(error) || hasCopy) throw error;
      if (failures >= settings.attempts) throw afterTries(error, failures);
      onRetry?.(error, failures + 1, settings.attempts);
      await pause(settings, failures, error, signal);
    }
  }
}

/** Makes the file of a commit be there: at once where its blob is, else by a download that one process does for all. */
async function bring(
  settings: HubSettings,
  cache: RepoCache,
  repo: string,
  file: string,
  remote: RemoteFile,
  { signal, onBytes, onRetry, onWait, maxBytes }: FetchOptions,
): Promise<string> {
  const { commit, etag, size } = remote;
  const known = cache.find(commit, file);
  if (known !== undefined) return known;
  if (maxBytes !== undefined && size > maxBytes)
    throw new HubError("content", `${file} has ${size} bytes, and at most ${maxBytes} are read`);
  const target = cache.blobPath(etag);
  try {
    makeFolder(dirname(target));
  } catch (error) {
    throw diskError(dirname(target), error);
  }
  tagCache(settings.cache);
  return withLock(cache.lockPath(etag), { signal, onWait: () => onWait?.(file) }, async (isMine) => {
    if (statSync(target, { throwIfNoEntry: false })?.size !== size)
      await download({
        settings,
        at: { repo, revision: commit },
        file,
        remote,
        partial: cache.partialPath(etag),
        target,
        signal,
        report: (bytes, total) => onBytes?.(file, bytes, total),
        onRetry: (error, attempt) => onRetry?.(error, attempt, settings.attempts),
        isMine,
      });
    return cache.place(etag, commit, file);
  });
}

/**
 * The first of several names that the repository has. Once the network has failed, only what is cached counts, and the
 * failure is told where that is nothing.
 *
 * @throws HubError; where the repository has none of the names, that of the first. TimmcError `interrupted`.
 */
export async function fetchFirst(
  settings: HubSettings,
  at: HubAddress,
  [name, ...others]: readonly [string, ...string[]],
  options: FetchOptions = {},
): Promise<CachedFile> {
  try {
    return await fetchFile(settings, at, name, options);
  } catch (error) {
    const [next, ...rest] = others;
    if (next === undefined || !(error instanceof HubError) || !(isAbsence(error) || isPassing(error))) throw error;
    const offline = settings.offline || isPassing(error);
    try {
      return await fetchFirst({ ...settings, offline }, at, [next, ...rest], options);
    } catch (later) {
      throw later instanceof HubError && isAbsence(later) ? error : later;
    }
  }
}
