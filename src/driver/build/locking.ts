import { parseReference } from "../../frontend/reference.ts";
import { type LockedSource, type Sources, readLock, requireLocked, sourceName, updateLock } from "./lock-file.ts";
import type { VariantRequest } from "./requests.ts";
import type { Variant } from "./variant.ts";

interface LockOptions {
  /** Sources that are not in the lock file are refused, and nothing is written. */
  readonly frozen: boolean;
  /** Sources are taken as they are now: all of them, or those that lie on this machine. */
  readonly update: "all" | "local" | undefined;
}

/** The sources of a build: those of the lock file, and what its variants turn out to stand for. */
export interface Locking {
  /** The request with its sources where the lock file has them: a revision that moved since is taken as it was. */
  pinned(variant: Variant, request: VariantRequest): VariantRequest;
  /** Throws TimmcError `config` where a source is not the one that is locked, or changed during the build. */
  require(variant: Variant, source: LockedSource): void;
  /** Says that a variant came about: its source is to be locked. */
  came(variant: Variant): void;
  /** Writes the lock file where it has changed; `all` are the variants of the whole build. */
  write(all: readonly Variant[]): void;
}

/** The lock file of a folder; without one, sources are compared within the build alone. Throws TimmcError `config` where it is malformed. */
export function lockingOf(folder: string | undefined, { frozen, update }: LockOptions): Locking {
  const before: Sources = folder === undefined ? new Map() : readLock(folder);
  const locked: Sources = new Map(
    [...before].filter(([, { hub }]) => update !== "all" && !(update === "local" && hub === null)),
  );
  const seen = new Map<string, LockedSource>();
  const found = new Map<string, LockedSource>();
  return {
    pinned: (variant, request) => {
      const hub = locked.get(sourceName(variant.fields) ?? "")?.hub;
      return hub ? { ...request, pinned: hub, model: modelAt(request.model, hub) } : request;
    },
    require: ({ fields }, source) => {
      const name = sourceName(fields);
      if (name === undefined) return;
      requireLocked(name, source, locked, frozen);
      requireLocked(name, source, seen, false);
      seen.set(name, source);
    },
    came: ({ fields }) => {
      const name = sourceName(fields);
      const source = name === undefined ? undefined : seen.get(name);
      if (name !== undefined && source !== undefined) found.set(name, source);
    },
    write: (all) => {
      if (folder === undefined || frozen || found.size === 0) return;
      const names = new Set(all.map(({ fields }) => sourceName(fields)));
      updateLock(folder, (now) => {
        for (const [name, source] of found) if (update === undefined) requireLocked(name, source, now, false);
        const stays = [...now].filter(([name]) => update !== "all" || names.has(name));
        return new Map([...stays, ...found]);
      });
    },
  };
}

/** A Hub model at the commit of its weights; another repository's are pinned by themselves. */
function modelAt(model: string, hub: NonNullable<LockedSource["hub"]>): string {
  const reference = parseReference(model);
  return reference.kind === "hf-hub" && reference.repo === hub.id ? `hf-hub:${hub.id}@${hub.commit}` : model;
}
