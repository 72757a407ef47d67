import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The page's script: the modules of the folder browser, joined in an order in which each stands behind those that it
 * imports. They are plain JavaScript with types in comments, so that what is checked and tested is what the page runs; in
 * one scope their imports and exports mean nothing and are taken away.
 */
export function pageScript(): string {
  const folder = join(import.meta.dirname, "browser");
  const done = new Set<string>();
  const parts: string[] = [];
  const add = (name: string): void => {
    if (done.has(name)) return;
    done.add(name);
    const text = readFileSync(join(folder, name), "utf8");
    for (const [, imported = ""] of text.matchAll(importStatement)) add(imported);
    parts.push(
      text
        .replaceAll(importStatement, "")
        .replaceAll(/^export /gm, "")
        .replaceAll(sourceMap, "")
        .trim(),
    );
  };
  add("main.js");
  return parts.join("\n\n");
}

const importStatement = /^import \{[^}]*\} from "\.\/([\w-]+\.js)";\n/gm;
const sourceMap = /^\/\/# sourceMappingURL=.*$/gm;
