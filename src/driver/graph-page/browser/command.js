// The command line and the library call that compile what was chosen.

/** @typedef {import("../page-data.ts").CommandData} CommandData */

/**
 * A word as a POSIX shell reads it back: bare where no letter means anything to the shell.
 *
 * @param {string} word
 */
export const shellWord = (word) => (/^[\w@%+:,./=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/**
 * @param {CommandData} command
 * @param {readonly string[]} taps
 * @param {string} out
 */
export const compileCommand = ({ words: [model = "", ...options] }, taps, out) =>
  ["timmc", "compile", model, "-o", out, "--taps", taps.join(","), ...options].map(shellWord).join(" ");

/**
 * @param {CommandData} command
 * @param {readonly string[]} taps
 * @param {string} out
 */
export function libraryCall({ request: { model, ...options } }, taps, out) {
  const fields = Object.entries({ model, out, taps, ...options });
  const lines = fields.map(([key, value]) => `  ${key}: ${literal(value)},`);
  return ['import { compile } from "timmc";', "", "const manifest = await compile({", ...lines, "});"].join("\n");
}

/**
 * JSON in the spelling of JavaScript: keys that are names are bare.
 *
 * @param {unknown} value
 * @returns {string}
 */
function literal(value) {
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([k, v]) => `${propertyName(k)}: ${literal(v)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}

/**
 * Bare where it is a name. `__proto__` is a property of this name in brackets alone.
 *
 * @param {string} key
 */
function propertyName(key) {
  if (key === "__proto__") return '["__proto__"]';
  return /^[a-z_]\w*$/i.test(key) ? key : JSON.stringify(key);
}
