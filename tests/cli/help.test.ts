import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { readFileSync } from "node:fs";
import { ts } from "ts-morph";
import { describe, expect, it } from "vitest";
import { publicArgs } from "../../src/zoo/schema.ts";
import { loadFamily } from "../../src/zoo/registry.ts";
import { cli } from "./run-cli.ts";

const commands = ["list", "info", "inspect", "compile", "verify", "run", "bench", "doctor"];

const help = async (...args: string[]): Promise<string> => {
  const { status, out, err } = await cli(args);
  expect({ status, err }).toEqual({ status: 0, err: "" });
  return out;
};

describe("help", () => {
  it("names every command, what a MODEL is, and the exit statuses", async () => {
    const text = await help("--help");
    for (const command of commands) expect(text).toMatch(new RegExp(`^  ${command} \\[options\\] `, "m"));
    expect(text).toContain("resnet50.a1_in1k");
    expect(text).toContain("Exit status: 0 success, 1 the task failed, 2 wrong usage, 130 interrupted");
    expect(text).not.toMatch(/build/);
  });

  it.each(commands)("%s --help has its --json and the global options", async (command) => {
    const text = await help(command, "--help");
    expect(text).toMatch(/^ {2}--json /m);
    expect(text).toMatch(/^ {2}--debug /m);
    expect(await help("help", command)).toBe(text);
  });

  it("says nothing of options of later versions", async () => {
    expect(await help("compile", "--help")).not.toContain("--calibration");
  });

  it("prints the version", async () => {
    expect(await help("--version")).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("help with a model", () => {
  it.each(["inspect", "compile", "doctor", "info"])("%s adds the model's own arguments", async (command) => {
    const text = await help(command, "--arg", "layers=[1,1,1,1]", "resnet101", "--help");
    const [, own = ""] = text.split("Arguments of resnet101 (resnet), each by --arg KEY=VALUE:\n");
    expect(own).toMatch(/^ {2}layers +blocks of each stage\n +list of 4 integer >= 1; here \[3,4,23,3\]$/m);
    expect(own).toMatch(/^ {2}out_indices +.*\n.*; here not given$/m);
    expect(own).toMatch(/^Taken without effect at inference: drop_rate, drop_path_rate/m);
    expect(own).not.toContain("set by the architecture");
  });

  it("lists every argument of the schema", async () => {
    const text = await help("inspect", "swin_tiny_patch4_window7_224", "--help");
    const family = await loadFamily("swin_transformer");
    for (const [name] of publicArgs(family?.args ?? {})) expect(text).toMatch(new RegExp(`\\b${name}\\b`));
  });

  it("says which name was meant where there is no such model", async () => {
    const { status, out, err } = await cli(["inspect", "resnett50", "--help"]);
    expect(status).toBe(2);
    expect(out).toContain("Usage: timmc inspect");
    expect(err).toContain('"resnet50"');
  });

  it("looks for a Hub's model in the cache that is named, on either side of --help", async () => {
    for (const args of [
      ["--cache-dir", "/no/such/cache", "--help"],
      ["--help", "--cache-dir", "/no/such/cache"],
    ]) {
      const { status, err } = await cli(["doctor", "hf-hub:timm/resnet50.a1_in1k", ...args]);
      expect(status).toBe(1);
      expect(err).toContain("/no/such/cache");
    }
  });

  it("is of no concern to the help of a command that takes none", async () => {
    expect(await help("verify", "out", "--help")).not.toContain("Arguments of");
  });
});

/** Files of src that are loaded before any action runs. */
function loadedAtStart(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest);
  for (const statement of source.statements) {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) continue;
    const isType = ts.isImportDeclaration(statement) ? statement.importClause?.isTypeOnly : statement.isTypeOnly;
    const specifier = statement.moduleSpecifier;
    if (isType === true || specifier === undefined || !ts.isStringLiteral(specifier)) continue;
    const path = resolve(dirname(file), specifier.text);
    if (specifier.text.startsWith(".") && existsSync(path)) loadedAtStart(path, seen);
  }
  return seen;
}

it("loads neither model, family nor backend to print the help", () => {
  const src = join(import.meta.dirname, "../../src");
  const outside = [...loadedAtStart(join(src, "cli/main.ts"))]
    .map((file) => file.slice(src.length + 1))
    .filter((file) => !file.startsWith("cli/"));
  expect(outside.sort()).toEqual([
    "backends/kernel/precision.ts",
    "driver/graph-page/browser/units.js",
    "driver/layout/layout.ts",
    "driver/sizes.ts",
    "driver/target/names.ts",
    "driver/version.ts",
    "frontend/counted.ts",
    "frontend/printable.ts",
    "frontend/tap-names.ts",
    "ir/caught.ts",
    "ir/error.ts",
  ]);
});
