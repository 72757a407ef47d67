import { createHash } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve, sep } from "node:path";
import type { HubAccess } from "../../frontend/hub/model.ts";
import { makeFolder } from "../../frontend/make-folder.ts";
import { messageOf } from "../../ir/caught.ts";
import { refuseInterrupted } from "../../backends/interrupt.ts";
import { TimmcError, within } from "../../ir/error.ts";
import type { BuildCache } from "../cache/folder.ts";
import { version } from "../version.ts";
import { type LoadedConfig, configName } from "./config.ts";
import { expand } from "./expand.ts";
import { type Hand, threadHand } from "./hand.ts";
import { type Locking, lockingOf } from "./locking.ts";
import { defaultBudget } from "./memory.ts";
import { type Job, sentError } from "./protocol.ts";
import { compileRequestOf } from "./requests.ts";
import { type Outcome, schedule } from "./schedule.ts";
import { type Selection, selectVariants } from "./select.ts";
import { writeSummary } from "./summary-file.ts";
import { type BuildSummary, type VariantSummary, countsOf, summaryVersion } from "./summary.ts";
import { timeVariants } from "./time-variants.ts";
import type { Expansion, Variant } from "./variant.ts";

export interface BuildRun extends Selection, HubAccess {
  /** The output folder. */
  readonly out: string;
  /** Variants at a time; default one per core. */
  readonly jobs?: number | undefined;
  /** Bytes that they take together; default a share of what is free. One variant alone always runs. */
  readonly memory?: number | undefined;
  /** Undefined builds without one. */
  readonly cache?: BuildCache | undefined;
  /** Runs each variant against its unoptimised graph, and certifies it. */
  readonly verify?: boolean | undefined;
  /** Times the variants when all are built, one after another. */
  readonly bench?: boolean | undefined;
  /** Refuses what the lock file does not have, and does not write it. */
  readonly frozen?: boolean | undefined;
  /** Takes sources that changed, all of them or those of this machine alone, and locks them anew. */
  readonly updateLock?: "all" | "local" | undefined;
  /** False neither reads the lock file nor writes it. */
  readonly lock?: boolean | undefined;
  /** Is told of each variant that has ended. */
  readonly ended?: ((end: VariantEnd) => void) | undefined;
  /** Makes who does the work, in place of worker threads. */
  readonly makeHand?: (() => Hand) | undefined;
}

/** A variant that has ended. */
export interface VariantEnd {
  readonly summary: VariantSummary;
  /** How many have ended, of how many. */
  readonly done: number;
  readonly of: number;
}

/** The folder below the output that says which artifacts are whole, for a later run. */
const stampFolder = ".timmc";

/**
 * Builds the variants of a configuration and gives the summary, of which what does not depend on the run is written as
 * build.json. What fails is a result, and stops nothing else. Throws TimmcError for what is wrong of the configuration, the
 * lock file or the output folder, and `interrupted`: what is complete then is not built again.
 */
export async function buildVariants(loaded: LoadedConfig, run: BuildRun): Promise<BuildSummary> {
  const from = performance.now();
  const expansion = expandLoaded(loaded);
  const chosen = selectVariants(expansion.variants, run, loaded.folder);
  const { frozen = false, updateLock: update, lock = true } = run;
  const locking = lockingOf(lock ? loaded.folder : undefined, { frozen, update });
  const notices = new Set(expansion.notices);
  const results = new Map<string, VariantSummary>();
  const end = (variant: Variant, outcome: Outcome): void => {
    const summary = summaryOf(variant, outcome, [loaded.folder, resolve(run.out)]);
    if (summary.state === "complete") locking.came(variant);
    results.set(variant.name, summary);
    run.ended?.({ summary, done: results.size, of: chosen.length });
  };
  prepareOutput(run.out);
  try {
    await runJobs(chosen, loaded, run, { locking, end, notices });
    refuseInterrupted(run.signal);
  } catch (error) {
    // The error that ends the build is the one to tell.
    try {
      locking.write(expansion.variants);
    } catch (other) {
      run.note?.(`the lock file is not written: ${messageOf(other)}`);
    }
    throw error;
  }
  locking.write(expansion.variants);
  const variants = chosen.map((variant) => results.get(variant.name) ?? missing(variant));
  const timed = run.bench === true ? await timeVariants(variants, run, notices) : variants;
  const summary = summarize(loaded, expansion, timed, { run, notices, seconds: (performance.now() - from) / 1000 });
  writeSummary(run.out, summary, run.only === undefined ? undefined : expansion.variants.map(missing));
  return summary;
}

/** Makes the output folder and the one of stamps. Throws TimmcError `io` where they cannot be written. */
function prepareOutput(out: string): void {
  try {
    makeFolder(join(resolve(out), stampFolder));
    accessSync(out, constants.W_OK);
  } catch (error) {
    throw new TimmcError("io", `the output folder cannot be written: ${messageOf(error)}`, {
      trail: [out],
      hint: "Choose another folder with -o, or make this one writable.",
      cause: error,
    });
  }
}

/** The variants of a configuration; what is wrong with them is said with its file. */
export const expandLoaded = ({ file, folder, config }: LoadedConfig): Expansion =>
  within(configName({ file }), () => expand(config, folder));

interface Running {
  readonly locking: Locking;
  readonly end: (variant: Variant, outcome: Outcome) => void;
  readonly notices: Set<string>;
}

async function runJobs(
  chosen: readonly Variant[],
  { folder }: LoadedConfig,
  run: BuildRun,
  { locking, end, notices }: Running,
): Promise<void> {
  const variants = new Map<string, Variant>();
  const jobs: Job[] = [];
  for (const variant of chosen) {
    try {
      const request = locking.pinned(variant, compileRequestOf(variant.fields, folder));
      jobs.push(jobOf(variant, request, run));
      variants.set(variant.name, variant);
    } catch (error) {
      end(variant, failed(error));
    }
  }
  const memory = run.memory ?? defaultBudget();
  const of = (job: Job): Variant => variants.get(job.name) ?? { name: job.name, fields: { model: job.request.model } };
  await schedule(jobs, {
    hands: run.jobs ?? availableParallelism(),
    memory,
    signal: run.signal,
    makeHand: run.makeHand ?? (() => threadHand(Math.max(memory, minHeap))),
    permit: (job, { source }) => locking.require(of(job), source),
    ended: (job, outcome) => end(of(job), outcome),
    progress: (job, text) => run.progress?.(`${job.name}: ${text}`),
    note: (_, text) => {
      if (notices.has(text)) return;
      notices.add(text);
      run.note?.(text);
    },
  });
}

/** A heap below this is too small for the graph of a large network. */
const minHeap = 2 ** 30;

function jobOf({ name }: Variant, request: Job["request"], { out, cache, cacheDir, verify = false }: BuildRun): Job {
  const stamp = `${createHash("sha256").update(name).digest("hex").slice(0, 32)}.json`;
  return {
    name,
    request,
    out: join(resolve(out), ...name.split("/")),
    stamp: join(resolve(out), stampFolder, stamp),
    cache: cache === undefined ? null : { folder: cache.folder, maxBytes: cache.maxBytes },
    cacheDir,
    verify,
  };
}

const failed = (error: unknown): Outcome => {
  const { code, message, trail, hint } = sentError(error);
  return { kind: "failed", error: new TimmcError(code, message, { trail, hint }), seconds: 0 };
};

/** A variant of which nothing is known yet. */
function missing({ name, fields }: Variant): VariantSummary {
  const { model, target = "onnx", precision = "fp32" } = fields;
  return {
    name,
    model,
    target,
    precision,
    fields: { ...fields },
    state: "missing",
    origin: null,
    failure: null,
    artifact: null,
    verification: null,
    top1_agreement: null,
    latency: null,
    seconds: null,
  };
}

/** `places` are folders that messages name paths in: a summary is the same wherever they lie. */
function summaryOf(variant: Variant, outcome: Outcome, places: readonly string[]): VariantSummary {
  const unknown = missing(variant);
  if (outcome.kind === "failed") {
    const { error, seconds } = outcome;
    if (error.code === "interrupted") return unknown;
    const where = error.trail.length > 0 ? `${error.trail.join(" > ")}: ` : "";
    const relative = (text: string): string => places.reduce((t, place) => t.replaceAll(place + sep, ""), text);
    const hint = error.hint === undefined ? null : relative(error.hint);
    const failure = { code: error.code, message: relative(where + error.message), hint };
    return { ...unknown, state: "failed", failure, seconds };
  }
  const { made, seconds } = outcome;
  return { ...unknown, ...made, state: made.failure === null ? "complete" : "failed", seconds };
}

interface Whole {
  readonly run: BuildRun;
  readonly notices: ReadonlySet<string>;
  readonly seconds: number;
}

const summarize = (
  loaded: LoadedConfig,
  { varying }: Expansion,
  variants: readonly VariantSummary[],
  { run, notices, seconds }: Whole,
): BuildSummary => ({
  build_version: summaryVersion,
  compiler: { name: "timmc", version },
  config: configName(loaded),
  shard: run.shard ?? null,
  counts: countsOf(variants),
  varying,
  bytes: variants.reduce((n, { artifact }) => n + (artifact?.bytes ?? 0), 0),
  seconds,
  variants,
  notices: [...notices],
});
