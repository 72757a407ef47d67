import { TimmcError } from "./error.ts";

/** The name of the root path in value names. */
export const root = "_";

/**
 * The name of the n-th value that a module path makes: `layer1.0.conv1`, `layer1.0.conv1~1`, ...; the root path is
 * written `_`. Path and repetition can be read back from the name, so no path holds `~` or is `_` itself.
 */
export function nameOf(path: string, repetition: number): string {
  if (path === root || path.includes("~"))
    throw new TimmcError("invalid-ir", `${JSON.stringify(path)} cannot be a module path`, {
      hint: `value names are paths with ~ and a number; ${root} stands for the root`,
    });
  const base = path === "" ? root : path;
  return repetition === 0 ? base : `${base}~${repetition}`;
}

/** A name as the textual IR writes it: bare where it can be, else a JSON string. */
export const printName = (name: string): string => (/^[\w.-]+$/.test(name) ? name : JSON.stringify(name));
