import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseReference } from "../../frontend/reference.ts";
import { TimmcError } from "../../ir/error.ts";
import { type LoadedConfig, loadConfig } from "./config.ts";
import { expandLoaded } from "./build.ts";

interface WatchRun {
  readonly signal: AbortSignal;
  /** Builds, the first time and after each change. */
  readonly build: (loaded: LoadedConfig, isFirst: boolean) => Promise<void>;
  /** Is told what fails; watching goes on. */
  readonly failed: (error: TimmcError) => void;
  /** Is told that nothing is left to do until something changes. */
  readonly idle: (files: number) => void;
  /** Milliseconds between two looks. */
  readonly interval?: number | undefined;
}

/**
 * Builds, and builds again whenever the configuration, or a local file that it names, has changed. It looks instead of
 * being told: that works on every file system, also over a network. Ends when the signal fires. Throws what is no TimmcError.
 */
export async function watchBuild(
  file: string,
  { signal, build, failed, idle, interval = 500 }: WatchRun,
): Promise<void> {
  let watched = [resolve(file)];
  for (let round = 0; !signal.aborted; round++) {
    let before = identities(watched);
    try {
      const loaded = await loadConfig(file);
      watched = filesOf(loaded);
      before = identities(watched);
      await build(loaded, round === 0);
    } catch (error) {
      if (!(error instanceof TimmcError)) throw error;
      if (error.code === "interrupted") return;
      failed(error);
    }
    idle(watched.length);
    while (!signal.aborted && identities(watched) === before)
      await setTimeout(interval, undefined, { signal }).catch(() => {});
  }
}

/** The configuration, and the local files that its variants are made of. */
function filesOf(loaded: LoadedConfig): string[] {
  const files = new Set([loaded.file]);
  const add = (path: string): unknown => files.add(resolve(loaded.folder, path));
  for (const { fields } of expandLoaded(loaded).variants) {
    const reference = parseReference(fields.model);
    if (reference.kind === "local-dir") add(reference.path);
    if (typeof fields.weights === "object") add(fields.weights.file);
    if (typeof fields.calibration === "string") add(fields.calibration);
    else if (fields.calibration !== undefined) add(fields.calibration.images);
  }
  return [...files];
}

/** What changes when a file is written or replaced, or one in a folder. */
const identities = (paths: readonly string[]): string => paths.map(identity).join("\n");

function identity(path: string): string {
  const facts = statSync(path, { throwIfNoEntry: false, bigint: true });
  if (facts === undefined) return `${path}: none`;
  const own = `${path}: ${facts.ino} ${facts.size} ${facts.mtimeNs}`;
  if (!facts.isDirectory()) return own;
  const inside = readdirSync(path).map((name) => {
    const file = statSync(join(path, name), { throwIfNoEntry: false, bigint: true });
    return `${name} ${file?.ino} ${file?.size} ${file?.mtimeNs}`;
  });
  return [own, ...inside].join(", ");
}
