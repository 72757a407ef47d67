import { statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { didYouMean, nearNames } from "../../frontend/suggest.ts";
import { messageOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";
import { readBounded } from "../../runtime/read-file.ts";
import { writeWhole } from "../artifact-files.ts";
import type { HubSource } from "../weights.ts";
import type { VariantFields } from "./variant.ts";

/** Beside the configuration: which bytes its models stood for. */
const lockName = "timmc.lock.json";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be 64 lower-case hexadecimal digits");
const hub = z.strictObject({ id: z.string().min(1).max(200), commit: z.string().regex(/^[0-9a-f]{40}$/) });

const sourceSchema = z.strictObject({
  hub: hub.nullable().describe("the repository of the weights, and the commit that they are of"),
  weights_sha256: sha256.nullable(),
  config_sha256: sha256.nullable(),
});

const lockSchema = z.strictObject({
  lock_version: z.literal(1),
  sources: z.record(z.string().min(1).max(8000), sourceSchema),
});

/** What a model reference stands for. */
export type LockedSource = Readonly<z.infer<typeof sourceSchema>>;

/** Sources by the references that name them. */
export type Sources = ReadonlyMap<string, LockedSource>;

const maxLockBytes = 16 * 2 ** 20;

/** The name of a variant's source; undefined where it has nothing that could change. */
export function sourceName({ model, weights = "pretrained" }: VariantFields): string | undefined {
  if (typeof weights === "object") return `${model} with ${weights.file}`;
  if (weights === "pretrained") return model;
  return model.includes(":") ? `${model} without weights` : undefined;
}

/** Reads the lock file of a folder; no sources where there is none. Throws TimmcError `config` for one that is malformed. */
export function readLock(folder: string): Sources {
  const path = join(folder, lockName);
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return new Map();
  const refuse = (what: string, cause?: unknown): never => {
    throw new TimmcError("config", `this is no lock file: ${what}`, {
      trail: [path],
      hint: "Take it from version control again, or remove it: the next build writes it.",
      cause,
    });
  };
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(readBounded(path, maxLockBytes)));
  } catch (error) {
    refuse(messageOf(error), error);
  }
  const parsed = lockSchema.safeParse(value);
  if (parsed.success) return new Map(Object.entries(parsed.data.sources));
  const [issue] = parsed.error.issues;
  return refuse(`${issue?.path.join(" > ") ?? ""}: ${issue?.message ?? "it does not fit"}`);
}

/** Writes the lock file: sources in the order of their names. */
export function writeLock(folder: string, sources: Sources): void {
  const sorted = [...sources].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify({ lock_version: 1, sources: Object.fromEntries(sorted) }, undefined, 2);
  writeWhole(join(folder, lockName), `${text}\n`);
}

const update = "Build with --update-lock to take it as it is now.";

/**
 * Throws TimmcError `config` where a source is not what the lock file says, by the name of what changed; with `frozen` also
 * where the lock file does not have it.
 */
export function requireLocked(name: string, now: LockedSource, locked: Sources, frozen: boolean): void {
  const then = locked.get(name);
  if (then === undefined) {
    if (!frozen) return;
    throw new TimmcError("config", `${lockName} does not have ${name}, and --frozen adds nothing`, {
      hint: didYouMean(nearNames(name, locked.keys(), 1)) ?? "Build without --frozen first.",
    });
  }
  const changes = [
    ...(then.hub?.id === now.hub?.id && then.hub?.commit === now.hub?.commit
      ? []
      : [`its Hub commit is ${hubText(now.hub)} and was ${hubText(then.hub)}`]),
    ...changed("its weights", then.weights_sha256, now.weights_sha256),
    ...changed("its config.json", then.config_sha256, now.config_sha256),
  ];
  if (changes.length === 0) return;
  throw new TimmcError("config", `${name} is not what ${lockName} says: ${changes.join(", ")}`, { hint: update });
}

const hubText = (at: HubSource | null | undefined): string => (at ? `${at.id}@${at.commit.slice(0, 12)}` : "none");

const changed = (what: string, then: string | null, now: string | null): string[] =>
  then === now ? [] : [`${what} changed from ${then?.slice(0, 12) ?? "none"} to ${now?.slice(0, 12) ?? "none"}`];
