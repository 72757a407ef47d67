import type { Shell } from "../src/cli/shell.ts";
import { TimmcError } from "../src/ir/error.ts";
import { forms } from "./forms/index.ts";

/** Runs micro-benchmarks by name, or all of them; each prints its own table. Throws `usage` for an unknown name. */
export async function benchForms(names: readonly string[], shell: Shell): Promise<void> {
  const unknown = names.find((name) => !Object.hasOwn(forms, name));
  if (unknown !== undefined)
    throw new TimmcError("usage", `there is no micro-benchmark ${JSON.stringify(unknown)}`, {
      hint: `There are ${Object.keys(forms).join(", ")}.`,
    });
  for (const [name, run] of Object.entries(forms)) {
    if (names.length > 0 && !names.includes(name)) continue;
    shell.print(shell.colors.bold(name));
    await run();
  }
}
