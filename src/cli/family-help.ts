import type { Command } from "commander";
import type { FamilyArgument } from "../driver/family-arguments.ts";
import { type ModelOptions, hubAccessOf } from "./options.ts";
import type { Shell } from "./shell.ts";

/** Commands whose help goes on with the arguments of the model that it is asked with. */
const takers: ReadonlySet<string> = new Set(["inspect", "compile", "doctor", "info"]);

/** What `timmc compile MODEL --help` prints behind the usage; undefined where the command or the model is missing. */
export async function familyHelp(program: Command, shell: Shell): Promise<string | undefined> {
  const asked = program.commands.find((c) => takers.has(c.name()) && c.args.length > 0);
  const model = asked?.args.find((arg) => !arg.startsWith("-"));
  if (model === undefined) return undefined;
  const { resolve } = await import("../frontend/resolve.ts");
  const { familyArguments } = await import("../driver/family-arguments.ts");
  const resolved = await resolve({ model, ...hubAccessOf(shell, asked?.opts<ModelOptions>() ?? {}) });
  return describeArguments(`${resolved.architecture} (${resolved.family.name})`, familyArguments(resolved));
}

function describeArguments(owner: string, all: readonly FamilyArgument[]): string {
  const active = all.filter((a) => !a.inert);
  const inert = all.filter((a) => a.inert).map((a) => a.name);
  const width = active.reduce((w, a) => Math.max(w, a.name.length), 0);
  const lines = active.flatMap(({ name, doc, type, value }) => [
    `  ${name.padEnd(width)}  ${doc}`,
    `  ${"".padEnd(width)}  ${type}; here ${value === null ? "not given" : JSON.stringify(value)}`,
  ]);
  const without = inert.length === 0 ? [] : ["", `Taken without effect at inference: ${inert.join(", ")}`];
  return [`Arguments of ${owner}, each by --arg KEY=VALUE:`, ...lines, ...without].join("\n");
}
