import type { Manifest } from "../manifest.ts";
import { clientDeclarations } from "./declarations.ts";
import { clientFacts } from "./facts.ts";
import { clientScript } from "./script.ts";

/** The nearest package.json decides what a .js file is; many projects' say CommonJS. */
const moduleMark = `${JSON.stringify({ type: "module" })}\n`;

export const clientNames = ["index.js", "index.d.ts", "package.json"] as const;

/** The typed client of an artifact: the text of each file. The manifest may still lack them. */
export function clientTexts(manifest: Manifest): { readonly [N in (typeof clientNames)[number]]: string } {
  const facts = clientFacts(manifest);
  return clientFiles(clientScript(facts), clientDeclarations(facts));
}

/** The texts of a client by their files. */
export const clientFiles = (
  script: string,
  declarations: string,
): { readonly [N in (typeof clientNames)[number]]: string } => ({
  "index.js": escaped(script),
  "index.d.ts": escaped(declarations),
  "package.json": moduleMark,
});

/**
 * Characters that are not seen can make a program read otherwise than it runs. Comments have none, so that all that are
 * left stand in strings of names and labels.
 */
const escaped = (text: string): string =>
  text.replaceAll(/\p{Cf}/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
