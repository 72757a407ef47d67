import { Command, Option } from "commander";
import { TimmcError } from "../../ir/error.ts";
import { counted } from "../../frontend/counted.ts";
import type { BuildCache } from "../../driver/cache/folder.ts";
import type { CacheInventory } from "../../driver/cache/inventory.ts";
import { buildCacheOption, cacheOf, jsonOption } from "../options.ts";
import type { Shell } from "../shell.ts";
import { facts, table } from "../table.ts";
import { byteQuantity } from "../units.ts";

interface CacheCommandOptions {
  readonly buildCache?: string;
  readonly json?: boolean;
}

interface PruneOptions extends CacheCommandOptions {
  readonly maxSize?: string;
  readonly olderThan?: string;
  readonly all?: boolean;
}

const epilogue = `
The cache lies in TIMMC_CACHE, else in XDG_CACHE_HOME/timmc or ~/.cache/timmc, and holds up to TIMMC_CACHE_SIZE (20G).
Several processes and machines may share one folder.

Examples:
  timmc cache ls
  timmc cache prune --older-than 30d --max-size 5G
  timmc cache verify`;

export const cacheCommand = (shell: Shell): Command =>
  new Command("cache")
    .description("the build cache: what it holds, making room in it, checking it")
    .addHelpText("after", epilogue)
    .addCommand(listing(shell))
    .addCommand(pruning(shell))
    .addCommand(checking(shell));

const subcommand = (name: string, what: string, json: string): Command =>
  new Command(name).description(what).addOption(buildCacheOption()).addOption(jsonOption(json));

/** The cache; that its folder is not there is a note, and it holds nothing. */
async function cacheHere(shell: Shell, buildCache: string | undefined): Promise<BuildCache> {
  const { existsSync } = await import("node:fs");
  const cache = await cacheOf(shell, { buildCache });
  if (!existsSync(cache.folder)) shell.note(`there is no cache at ${cache.folder}`);
  return cache;
}

const listing = (shell: Shell): Command =>
  subcommand("ls", "the artifacts of the cache, the most recently used first", "what the cache holds").action(
    async ({ json, buildCache }: CacheCommandOptions) => {
      const { cacheInventory } = await import("../../driver/cache/inventory.ts");
      const inventory = await cacheInventory(await cacheHere(shell, buildCache));
      if (json === true) shell.json(inventory);
      else shell.print(describe(inventory, shell).join("\n"));
    },
  );

function describe({ entries, damaged, ...totals }: CacheInventory, { colors }: Shell): string[] {
  const right = (title: string) => ({ title, align: "right" }) as const;
  const [head = "", ...rows] = table(
    [
      { title: "model" },
      { title: "target" },
      { title: "precision" },
      { title: "size" },
      { title: "taps" },
      right("own"),
      right("shared"),
      { title: "last use, UTC" },
      { title: "key" },
    ],
    entries.map((e) => [
      e.model,
      e.target,
      e.precision,
      e.input_size.slice(1).join("x"),
      e.taps.length > 3 ? `${e.taps.slice(0, 2).join(",")} and ${e.taps.length - 2} more` : e.taps.join(","),
      byteQuantity(e.own_bytes),
      byteQuantity(e.shared_bytes),
      e.last_use.slice(0, 16).replace("T", " "),
      e.key.slice(0, 12),
    ]),
  );
  return [
    ...(rows.length === 0 ? [] : [colors.bold(head), ...rows, ""]),
    ...facts([
      ["artifacts", String(entries.length)],
      ["stored", `${byteQuantity(totals.stored_bytes)} of ${byteQuantity(totals.max_bytes)}, in ${totals.blobs} blobs`],
      ["without sharing", byteQuantity(totals.bytes_without_sharing)],
      ...(damaged.length === 0
        ? []
        : [["damaged", `${counted(damaged.length, "entry", "entries")}: timmc cache verify`] as const]),
      ["folder", totals.folder],
    ]),
  ];
}

const pruning = (shell: Shell): Command =>
  subcommand("prune", "take artifacts away: the least recently used until the rest fit", "what was taken away")
    .addOption(new Option("--max-size <SIZE>", "what may stay, such as 5G (default: what the cache may hold)"))
    .addOption(new Option("--older-than <TIME>", "also what was not used for as long, such as 30d or 12h"))
    .addOption(new Option("--all", "everything").conflicts(["maxSize", "olderThan"]))
    .action(async ({ json, buildCache, maxSize, olderThan, all }: PruneOptions) => {
      const { durationOf, sizeOf } = await import("../../driver/cache/folder.ts");
      const { pruneCache } = await import("../../driver/cache/prune.ts");
      const report = await pruneCache(await cacheHere(shell, buildCache), {
        maxBytes: maxSize === undefined ? undefined : sizeOf("--max-size", maxSize),
        olderThan: olderThan === undefined ? undefined : durationOf("--older-than", olderThan),
        all,
      });
      if (json === true) return shell.json(report);
      const { entries, bytes } = report;
      shell.print(
        `${counted(entries.removed, "artifact")} and ${byteQuantity(bytes.removed)} taken away; ${entries.left} and ${byteQuantity(bytes.left)} left`,
      );
    });

const checking = (shell: Shell): Command =>
  subcommand("verify", "hash every blob and read every entry; what is damaged is taken away", "what was found").action(
    async ({ json, buildCache }: CacheCommandOptions) => {
      const { checkCache } = await import("../../driver/cache/check.ts");
      const cache: BuildCache = await cacheHere(shell, buildCache);
      const check = await checkCache(cache, { signal: shell.signal, progress: shell.status });
      const { damaged, entries, blobs, bytes } = check;
      if (json === true) shell.json(check);
      else {
        for (const { kind, name, problem } of damaged) shell.print(`${kind} ${name}: ${problem}`);
        shell.print(
          `${counted(entries, "artifact")} and ${counted(blobs, "blob")} of ${byteQuantity(bytes)} looked at, ${damaged.length} damaged`,
        );
      }
      if (damaged.length > 0)
        throw new TimmcError(
          "io",
          `${counted(damaged.length, "file of the cache was", "files of the cache were")} damaged`,
          {
            trail: [cache.folder],
            hint: "They are gone: what they held is compiled again when it is asked for.",
          },
        );
    },
  );
