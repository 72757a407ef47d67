import { extname } from "node:path";
import { createJiti } from "jiti";
import { messageOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";

/**
 * What a module exports by default, TypeScript or not, undefined where that is nothing; "timmc" in it is this installation, wherever the file lies. It is
 * read anew each time. Throws TimmcError `config`: what the module throws is said in its own words.
 */
export async function loadModule(file: string): Promise<unknown> {
  // The face of the library stands above this layer; the user's module asks for it, and not this one.
  const library = new URL(`../../index${extname(import.meta.url)}`, import.meta.url).href;
  const jiti = createJiti(import.meta.url, {
    moduleCache: false,
    fsCache: false,
    interopDefault: false,
    virtualModules: { timmc: (await import(library)) as unknown },
  });
  try {
    const module = await jiti.import<{ readonly default?: unknown }>(file);
    return module.default;
  } catch (error) {
    if (error instanceof TimmcError) throw error.within(file);
    throw new TimmcError("config", `it cannot be loaded: ${messageOf(error)}`, { trail: [file], cause: error });
  }
}
