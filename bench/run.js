// npm run bench: compiles src and bench beside each other into a folder of their own, so that dist stays what it is, and
// starts them there. Types are for `npm run typecheck`.
import { spawnSync } from "node:child_process";
import { copyFileSync, cpSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const root = path.join(import.meta.dirname, "..");
const out = path.join(root, "node_modules/.cache/timmc-bench");
const tsc = path.join(root, "node_modules/typescript/bin/tsc");

const { status } = spawnSync(process.execPath, [tsc, "-p", path.join(root, "bench")], { stdio: "inherit" });
if (status === 0) {
  // What timmc reads of its package lies two levels above its modules.
  cpSync(path.join(root, "data"), path.join(out, "data"), { recursive: true });
  copyFileSync(path.join(root, "package.json"), path.join(out, "package.json"));
  const { main } = await import(pathToFileURL(path.join(out, "bench/index.js")).href);
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.exitCode = 1;
}
