import { join, resolve } from "node:path";
import { buildCache } from "../cache/folder.ts";
import { type BuildRun, buildVariants } from "./build.ts";
import { type LoadedConfig, checkConfig, loadConfig } from "./config.ts";
import type { BuildSummary } from "./summary.ts";
import type { BuildConfig } from "./variant.ts";

/** How to build, for programs. */
export interface BuildOptions extends Omit<BuildRun, "cache" | "makeHand"> {
  /** What relative paths of a configuration that is no file start from; default the working folder. */
  readonly folder?: string | undefined;
  /** The folder of the build cache, in place of TIMMC_CACHE; false builds without one. */
  readonly cache?: string | false | undefined;
}

/**
 * Builds a configuration, given as itself or by its file. `timmc.lock.json` lies beside a file; a configuration given as
 * itself is locked where `lock` says so, in `folder`. Throws as `buildVariants`.
 */
export async function buildLibrary(config: string | BuildConfig, options: BuildOptions): Promise<BuildSummary> {
  const { cache, lock = typeof config === "string", folder: _, ...run } = options;
  const loaded = typeof config === "string" ? await loadConfig(config) : given(config, options);
  const kept = cache === false ? undefined : buildCache({ folder: cache, note: options.note });
  return buildVariants(loaded, { ...run, lock, cache: kept });
}

function given(value: BuildConfig, { folder = "." }: BuildOptions): LoadedConfig {
  const root = resolve(folder);
  return { file: join(root, "config"), folder: root, config: checkConfig(value, "build") };
}
