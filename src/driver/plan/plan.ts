import { dirname, relative, resolve, sep } from "node:path";
import { TimmcError } from "../../ir/error.ts";
import { loadConfig } from "../build/config.ts";
import { expand } from "../build/expand.ts";
import { type Shard, shardOf } from "../build/shard.ts";
import type { Variant } from "../build/variant.ts";
import { githubWorkflow } from "./github-actions.ts";
import { kubernetesJob } from "./kubernetes.ts";
import { ninjaFile } from "./ninja.ts";
import type { PlanFormat } from "./formats.ts";
import { localInputs } from "./local-inputs.ts";
import { variantNeeds } from "./variant-needs.ts";

export interface PlanRequest {
  /** The build's configuration. */
  readonly file: string;
  readonly format: PlanFormat;
  /** The file that the plan goes to; paths of a ninja file start from its folder, of others from the working directory. */
  readonly out?: string | undefined;
  /** The folder of artifacts. */
  readonly artifacts: string;
  readonly shards?: number | undefined;
  /** Bytes that all compiles of a machine may take at once. */
  readonly memory: number;
  /** What starts timmc where the plan runs: words for a shell. */
  readonly command?: string | undefined;
  /** The container image that has timmc. */
  readonly image?: string | undefined;
}

/** The work of a build in what the formats say it with. */
export interface Work {
  /** The configuration and the folder of artifacts, from the folder where the plan runs. */
  readonly config: string;
  readonly artifacts: string;
  readonly variants: readonly PlannedVariant[];
  /** How many parts there are, where the work is divided. */
  readonly shards: number | undefined;
  readonly memory: number;
}

export interface PlannedVariant {
  readonly name: string;
  /** Files beside the configuration that it is made of, from the folder where the plan runs. */
  readonly inputs: readonly string[];
  /** Bytes of memory that its compile takes at most. */
  readonly need: number;
  /** The part that it is of, from 1 on. */
  readonly shard: number;
}

interface Plan {
  readonly text: string;
  readonly variants: number;
  readonly shards: number | undefined;
  readonly notices: readonly string[];
}

/**
 * The work of a build as a text for an engine that runs it. The same configuration, options and local files give the same
 * text. Throws TimmcError for a malformed configuration, and for paths that the format has no way to say.
 */
export async function planBuild(request: PlanRequest): Promise<Plan> {
  const { file, format, memory } = request;
  const loaded = await loadConfig(file);
  const { variants, notices } = expand(loaded.config, loaded.folder);
  const from = format === "ninja" ? dirname(resolve(request.out ?? "build.ninja")) : resolve(".");
  const shards = shardCount(request, variants.length);
  const work: Work = {
    config: inside(format, placeFrom(from, loaded.file)),
    artifacts: inside(format, placeFrom(from, resolve(request.artifacts))),
    variants: format === "ninja" ? await planned(loaded.folder, variants, from, shards) : [],
    shards,
    memory,
  };
  return { text: textOf(request, work, from), variants: variants.length, shards, notices };
}

function textOf(request: PlanRequest, work: Work, from: string): string {
  const { command, format, image } = request;
  switch (format) {
    case "ninja":
      return ninjaFile(work, {
        command: command ?? "timmc",
        plan: request.out === undefined ? undefined : placeFrom(from, resolve(request.out)),
      });
    case "github-actions":
      return githubWorkflow(work, { command: command ?? "npx timmc" });
    case "kubernetes":
      if (image !== undefined) return kubernetesJob(work, { command: command ?? "timmc", image });
      throw new TimmcError("usage", "a plan for kubernetes needs an image", {
        hint: "Name a container image that has timmc: --image registry.example.com/timmc:0.1.0",
      });
    default:
      return format satisfies never;
  }
}

/** Parts without a variant are of no use. Machines have parts in any case. */
function shardCount({ format, shards }: PlanRequest, variants: number): number | undefined {
  const wanted = shards ?? (format === "ninja" ? undefined : 4);
  return wanted === undefined ? undefined : Math.min(wanted, variants);
}

async function planned(
  folder: string,
  variants: readonly Variant[],
  from: string,
  shards = 1,
): Promise<PlannedVariant[]> {
  const needs = await variantNeeds(variants, folder);
  const parts = Array.from({ length: shards }, (_, i): Shard => ({ index: i + 1, of: shards }));
  const shardByName = new Map(
    parts.flatMap((shard) => shardOf(variants, shard, folder).map(({ name }) => [name, shard.index] as const)),
  );
  return variants.map(({ name, fields }, i) => ({
    name,
    inputs: localInputs(fields, folder).map((path) => placeFrom(from, path)),
    need: needs[i] ?? 0,
    shard: shardByName.get(name) ?? 1,
  }));
}

/** A path from a folder, with forward slashes. Throws `usage` for one that no engine's file can say. */
function placeFrom(folder: string, path: string): string {
  const place = relative(folder, path).split(sep).join("/") || ".";
  if (!/\p{Cc}/u.test(place)) return place.startsWith("-") ? `./${place}` : place;
  throw new TimmcError("usage", "a path with a line end or another control character cannot be planned", {
    trail: [path],
    hint: "Rename it.",
  });
}

/** Another machine has the working directory, and nothing around it. */
function inside(format: PlanFormat, place: string): string {
  if (format === "ninja" || !/^\.\.(?:\/|$)/.test(place)) return place;
  throw new TimmcError("usage", `a plan for ${format} has paths from here on, and this is outside`, {
    trail: [place],
    hint: "Run timmc plan in a folder above: the root of the repository, or of the volume.",
  });
}
