import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

const modified = (path: string): number => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Whether every source has an output that is not older. */
const isBuilt = (): boolean =>
  readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.[jt]s$/.test(name))
    .every((name) => modified(join("dist", name.replace(/\.ts$/, ".js"))) >= modified(join("src", name)));

/**
 * Builds dist once before the tests, where it is older than src: some tests start the program as users do. Wrong types
 * are for the type check to report; the output is written all the same.
 */
export function setup(): void {
  if (isBuilt()) return;
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  for (const project of ["tsconfig.build.json", "tsconfig.browser.json"])
    spawnSync(process.execPath, [tsc, "-p", project], { cwd: root, stdio: "inherit" });
}
