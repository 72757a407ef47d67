import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { planBuild } from "../../../src/driver/plan/plan.ts";
import type { PlanRequest } from "../../../src/driver/plan/plan.ts";

/** Names of files that a shell, ninja, YAML, GitHub or Kubernetes could take for something else. */
export const hostileNames = [
  "with space",
  "$HOME and $$ and $(touch pwned)",
  "`touch pwned`; touch pwned",
  "'single' \"double\" \\back",
  "a|b:c&d>e<f",
  "# no comment: {a, b}",
  "${{ secrets.TOKEN }} ${bar} %d !x",
  "-rf",
  "~root*?[a]",
  "no",
  "1:30",
  "ümläut 猫",
];

/** Two small models at two sizes. */
export const smallConfig = { models: ["test_resnet", "test_vit"], weights: "synthetic", inputSizes: [64, 96] };

export function writeConfig(path: string, config: object = smallConfig): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** The text of a plan, of the shell's own folder where nothing else is said. */
export const planText = async (request: Partial<PlanRequest> & Pick<PlanRequest, "file" | "format">): Promise<string> =>
  (await planBuild({ artifacts: join(dirname(request.file), "artifacts"), memory: 2 ** 33, ...request })).text;

/** What a shell does with a text, in a folder. */
export function shell(text: string, cwd: string, env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr } = spawnSync("/bin/sh", ["-c", text], {
    cwd,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`exit ${status}: ${stderr}`);
  return stdout;
}

/** A program that prints its arguments as JSON, as words for a shell. */
export const echoArguments = `${process.execPath} -e 'console.log(JSON.stringify(process.argv.slice(1)))' --`;
