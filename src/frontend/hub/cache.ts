import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { makeFolder } from "../make-folder.ts";
import { HubError, diskError } from "./error.ts";
import { codeOf } from "../../ir/caught.ts";

/** A full commit id: what snapshots are named by. */
export const isCommit = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/** A repository's part of a Hub cache: `models--ORG--NAME` with `blobs`, `refs` and `snapshots`. */
export interface RepoCache {
  /** The commit that a revision stood for when it was last asked; a commit stands for itself. */
  readonly commitOf: (revision: string) => string | undefined;
  /** The path of a file of a snapshot that is there. */
  readonly find: (commit: string, file: string) => string | undefined;
  /** Whether the Hub has said that a commit has no such file. */
  readonly isMissing: (commit: string, file: string) => boolean;
  readonly markMissing: (commit: string, file: string) => void;
  readonly writeRef: (revision: string, commit: string) => void;
  readonly blobPath: (etag: string) => string;
  /** Where a blob grows. Of timmc alone: Python's `.incomplete` may have a writer that no lock of ours stops. */
  readonly partialPath: (etag: string) => string;
  readonly lockPath: (etag: string) => string;
  /** Shows a blob as a file of a snapshot, and gives the file's path. */
  readonly place: (etag: string, commit: string, file: string) => string;
}

/** The layout as huggingface_hub writes it. Names are checked by the caller: `requireFileName`, `repo` by its grammar. */
export function repoCache(root: string, repo: string, links: boolean): RepoCache {
  const name = `models--${repo.replaceAll("/", "--")}`;
  const folder = join(root, name);
  const snapshot = (commit: string, file: string): string => join(folder, "snapshots", commit, file);
  const missing = (commit: string, file: string): string => join(folder, ".no_exist", commit, file);
  const blobPath = (etag: string): string => join(folder, "blobs", etag);
  return {
    commitOf: (revision) => (isCommit(revision) ? revision : readRef(join(folder, "refs", revision))),
    find: (commit, file) => {
      const path = snapshot(commit, file);
      return isFile(path) ? path : undefined;
    },
    isMissing: (commit, file) => existsSync(missing(commit, file)),
    markMissing: (commit, file) => writing(missing(commit, file), (path) => writeFileSync(path, "")),
    writeRef: (revision, commit) => {
      const path = join(folder, "refs", revision);
      if (isCommit(revision) || readRef(path) === commit) return;
      writing(path, () => replace(folder, path, (temporary) => writeFileSync(temporary, commit)));
    },
    blobPath,
    partialPath: (etag) => `${blobPath(etag)}.timmc.incomplete`,
    lockPath: (etag) => join(root, ".locks", name, `${etag}.timmc.lock`),
    place: (etag, commit, file) => {
      const path = snapshot(commit, file);
      writing(path, () => point(folder, path, blobPath(etag), links));
      return path;
    },
  };
}

/**
 * Refuses a file name from a configuration that could leave its folder, or that a system could read otherwise.
 *
 * @throws HubError `protocol`.
 */
export function requireFileName(file: string): void {
  const isSegment = (text: string): boolean =>
    text !== "" && !/^\.{1,2}$/.test(text) && /^[^\p{Cc}\\:*?"<>|]+$/u.test(text) && !/[. ]$/.test(text);
  if (file.length <= 255 && file.split("/").every(isSegment)) return;
  throw new HubError("protocol", `${JSON.stringify(file.slice(0, 80))} is not the name of a file in a repository`, {
    hint: "A name is relative, with forward slashes, and stays in the repository.",
  });
}

/** Marks a folder as a cache, for backup programs. */
export function tagCache(root: string): void {
  const path = join(root, "CACHEDIR.TAG");
  if (existsSync(path)) return;
  const text =
    "Signature: 8a477f597d28d172789f06886806bc55\n# This file is a cache directory tag of the Hugging Face Hub.\n";
  writing(path, () => replace(root, path, (temporary) => writeFileSync(temporary, text)));
}

/** Runs `body` with the folder of `path` there; a failure names the path. */
function writing(path: string, body: (path: string) => void): void {
  try {
    makeFolder(dirname(path));
    body(path);
  } catch (error) {
    throw error instanceof HubError ? error : diskError(path, error);
  }
}

/** Builds a file or link beside the repository's folders and moves it to its place at once. */
function replace(folder: string, path: string, build: (temporary: string) => void): void {
  const temporary = join(folder, `.timmc-${randomBytes(8).toString("hex")}.tmp`);
  try {
    build(temporary);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** A relative link, so that the cache can be moved; where the system makes none, a copy. */
function point(folder: string, path: string, blob: string, links: boolean): void {
  try {
    if (links) return replace(folder, path, (temporary) => symlinkSync(relative(dirname(path), blob), temporary));
  } catch (error) {
    const code = codeOf(error) ?? "";
    if (!["EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "UNKNOWN"].includes(code)) throw error;
  }
  replace(folder, path, (temporary) => copyFileSync(blob, temporary));
}

function readRef(path: string): string | undefined {
  if (!isFile(path) || statSync(path).size > 100) return undefined;
  const text = readFileSync(path, "utf8").trim();
  return isCommit(text) ? text : undefined;
}

/** A file or a link to one that is there; whatever hinders the look counts as absence. */
function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}
