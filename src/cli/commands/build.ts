import { Command, Option } from "commander";
import type { BuildRun } from "../../driver/build/build.ts";
import type { LoadedConfig } from "../../driver/build/config.ts";
import type { BuildSummary } from "../../driver/build/summary.ts";
import { TimmcError } from "../../ir/error.ts";
import { positiveNumber } from "../numbers.ts";
import { buildCacheOption, cacheDirOption, cacheOf, hubAccessOf, jsonOption } from "../options.ts";
import type { Shell } from "../shell.ts";

interface BuildOptions {
  readonly out: string;
  readonly dryRun?: boolean;
  readonly only?: readonly string[];
  readonly shard?: string;
  readonly jobs?: number;
  readonly memory?: string;
  readonly watch?: boolean;
  readonly verify?: boolean;
  readonly bench?: boolean;
  readonly frozen?: boolean;
  readonly updateLock?: boolean;
  /** False with --no-cache. */
  readonly cache: boolean;
  readonly buildCache?: string;
  readonly cacheDir?: string;
  readonly report?: string;
  readonly json?: boolean;
}

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

const which = "What to build:";
const how = "How:";

const epilogue = `
FILE is a configuration, timmc.config.ts where none is given: .ts, .js, .mjs or .json.

  import { defineConfig } from "timmc";
  export default defineConfig({
    models: ["resnet18", "vit_tiny_*"],
    inputSizes: [224, 256],
    targets: ["onnx", "webgpu"],
    exclude: [{ model: "vit_*", target: "webgpu" }],
  });

Examples:
  timmc build timmc.config.ts --dry-run               the variants, their names, and what is left out
  timmc build timmc.config.ts -o artifacts --verify
  timmc build timmc.config.ts --only 'resnet18*' --jobs 4 --memory 4G
  timmc build timmc.config.ts --shard 2/4 --build-cache /mnt/cache --frozen`;

export const buildCommand = (shell: Shell): Command =>
  new Command("build")
    .description("compile a matrix of variants, several at a time, through a cache")
    .argument("[FILE]", "the configuration")
    .addOption(new Option("-o, --out <DIR>", "the folder of the artifacts").default("artifacts"))
    .addOption(new Option("--dry-run", "print the variants and what is left out, and build nothing").helpGroup(which))
    .addOption(
      new Option("--only <GLOB>", "variants whose names match, repeatable").argParser(collect).helpGroup(which),
    )
    .addOption(new Option("--shard <K/N>", "the K-th of N parts, for N machines").helpGroup(which))
    .addOption(new Option("--jobs <N>", "at a time (default: one per core)").argParser(positiveNumber).helpGroup(how))
    .addOption(
      new Option("--memory <SIZE>", "that they take together, such as 4G (default: 70 % of what is free)").helpGroup(
        how,
      ),
    )
    .addOption(new Option("--watch", "build again when the configuration or a local file changes").helpGroup(how))
    .addOption(new Option("--verify", "certify each variant against its unoptimised graph").helpGroup(how))
    .addOption(new Option("--bench", "time each variant, one after another").helpGroup(how))
    .addOption(
      new Option("--frozen", "refuse sources that timmc.lock.json does not have")
        .conflicts("updateLock")
        .helpGroup(how),
    )
    .addOption(new Option("--update-lock", "take sources that changed since they were locked").helpGroup(how))
    .addOption(new Option("--no-cache", "build without the build cache").helpGroup(how))
    .addOption(buildCacheOption().helpGroup(how))
    .addOption(cacheDirOption().helpGroup(how))
    .addOption(new Option("--report <FILE>", "write the summary as a page, for any browser"))
    .addOption(jsonOption("the summary, or with --dry-run the variants,"))
    .addHelpText("after", epilogue)
    .action(async (file: string | undefined, options: BuildOptions) => {
      refuseTogether(options);
      const given = file ?? (await configHere());
      if (options.watch === true) return watch(given, options, shell);
      const { loadConfig } = await import("../../driver/build/config.ts");
      const loaded = await loadConfig(given);
      if (options.dryRun === true) return dryRun(loaded, options, shell);
      const summary = await build(loaded, options, shell);
      if (summary.counts.failed > 0) throw failure(summary);
    });

function refuseTogether({ watch, json, dryRun, frozen }: BuildOptions): void {
  const other = watch !== true ? undefined : json ? "--json" : dryRun ? "--dry-run" : frozen ? "--frozen" : undefined;
  if (other !== undefined)
    throw new TimmcError("usage", `--watch and ${other} do not go together`, { hint: "Leave one of the two out." });
}

/** The configuration of this folder. */
async function configHere(): Promise<string> {
  const { existsSync } = await import("node:fs");
  const { configNames } = await import("../../driver/build/config.ts");
  const found = configNames.find((name) => existsSync(name));
  if (found !== undefined) return found;
  throw new TimmcError("usage", `this folder has no ${configNames[0]}`, { hint: "Name the configuration's file." });
}

const failure = ({ counts, variants }: BuildSummary): TimmcError =>
  new TimmcError("config", `${counts.failed} of ${counts.variants} variants failed`, {
    hint: variants.find((v) => v.failure !== null)?.failure?.message,
  });

async function build(
  loaded: LoadedConfig,
  options: BuildOptions,
  shell: Shell,
  updateLock: BuildRun["updateLock"] = options.updateLock === true ? "all" : undefined,
): Promise<BuildSummary> {
  const { buildVariants } = await import("../../driver/build/build.ts");
  const { endLine, summaryLines } = await import("../build-text.ts");
  const run = await runOf(options, shell);
  const summary = await buildVariants(loaded, {
    ...run,
    updateLock,
    ended: (end) => shell.log(endLine(end, shell.errorColors)),
  });
  if (options.report !== undefined) {
    const { writeReport } = await import("../../driver/build-report/write-report.ts");
    const { cacheInventory } = await import("../../driver/cache/inventory.ts");
    const cache = run.cache ? await cacheInventory(run.cache) : undefined;
    writeReport(options.report, summary, { out: options.out, cache });
    shell.log(`${options.report}: the report`);
  }
  if (options.json === true) shell.json(summary);
  else shell.print(summaryLines(summary, shell.colors).join("\n"));
  return summary;
}

async function runOf(options: BuildOptions, shell: Shell): Promise<BuildRun> {
  const { out, only, jobs, memory, verify, bench, frozen, cache } = options;
  const { parseShard } = await import("../../driver/build/shard.ts");
  const { sizeOf } = await import("../../driver/cache/folder.ts");
  return {
    ...hubAccessOf(shell, options),
    out,
    only,
    jobs,
    verify,
    bench,
    frozen,
    shard: options.shard === undefined ? undefined : parseShard(options.shard),
    memory: memory === undefined ? undefined : sizeOf("--memory", memory),
    cache: cache ? await cacheOf(shell, options) : undefined,
  };
}

async function dryRun(loaded: LoadedConfig, options: BuildOptions, shell: Shell): Promise<void> {
  const { expandLoaded } = await import("../../driver/build/build.ts");
  const { selectVariants } = await import("../../driver/build/select.ts");
  const expansion = expandLoaded(loaded);
  const { only, shard } = await runOf(options, shell);
  const chosen = selectVariants(expansion.variants, { only, shard }, loaded.folder);
  if (options.json === true) return shell.json({ ...expansion, variants: chosen });
  const { expansionLines } = await import("../build-text.ts");
  shell.print(expansionLines(expansion, new Set(chosen.map((v) => v.name)), shell.colors).join("\n"));
}

async function watch(file: string, options: BuildOptions, shell: Shell): Promise<void> {
  const { watchBuild } = await import("../../driver/build/watch.ts");
  await watchBuild(file, {
    signal: shell.signal,
    build: async (loaded, isFirst) => void (await build(loaded, options, shell, isFirst ? undefined : "local")),
    failed: (error) => shell.log(`${shell.errorColors.red("timmc:")} ${error.describe()}`),
    idle: () => shell.log("watching; Ctrl-C ends it"),
  });
}
