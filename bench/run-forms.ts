import { existsSync } from "node:fs";
import type { Shell } from "../src/cli/shell.ts";
import { TimmcError } from "../src/ir/error.ts";

type Forms = Readonly<Record<string, () => Promise<void>>>;

async function loadForms(): Promise<Forms> {
  const place = new URL("forms/index.js", import.meta.url);
  if (!existsSync(place))
    throw new TimmcError("unsupported", "this checkout has no micro-benchmarks: bench/forms is missing");
  const { forms } = (await import(place.href)) as { readonly forms: Forms };
  return forms;
}

/** Runs micro-benchmarks by name, or all of them; each prints its own table. Throws `usage` for an unknown name. */
export async function benchForms(names: readonly string[], shell: Shell): Promise<void> {
  const forms = await loadForms();
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
