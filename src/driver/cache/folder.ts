import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { TimmcError } from "../../ir/error.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A folder of compiled artifacts, which several processes and machines may share. */
export interface BuildCache {
  /** Absolute. */
  readonly folder: string;
  /** What it may hold; the least recently used artifacts go first. */
  readonly maxBytes: number;
  /** Is told what was found damaged, and what could not be kept. */
  readonly note: (text: string) => void;
}

interface CacheOptions {
  /** In place of TIMMC_CACHE. */
  readonly folder?: string | undefined;
  /** In place of TIMMC_CACHE_SIZE. */
  readonly maxBytes?: number | undefined;
  readonly note?: ((text: string) => void) | undefined;
}

const defaultBytes = 20 * 2 ** 30;

/**
 * The build cache by TIMMC_CACHE, else XDG_CACHE_HOME/timmc, else ~/.cache/timmc, of TIMMC_CACHE_SIZE bytes or 20 GiB. An
 * empty variable is none. Touches no disk: the folder is made when something is stored. Throws TimmcError `usage` for a
 * size that is none.
 */
export function buildCache(
  { folder, maxBytes, note = () => {} }: CacheOptions = {},
  env: Environment = process.env,
): BuildCache {
  const get = (name: string): string | undefined => (env[name] === "" ? undefined : env[name]);
  const size = get("TIMMC_CACHE_SIZE");
  const base = get("XDG_CACHE_HOME") ?? join(homedir(), ".cache");
  return {
    folder: resolve(folder ?? get("TIMMC_CACHE") ?? join(base, "timmc")),
    maxBytes: maxBytes ?? (size === undefined ? defaultBytes : sizeOf("TIMMC_CACHE_SIZE", size)),
    note,
  };
}

const sizeUnits: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Reads `500M`, `5G` or a number of bytes. Throws TimmcError `usage` that names `what`. */
export function sizeOf(what: string, text: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,12}(?:\.\d{1,6})?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim()) ?? [];
  const bytes = Math.floor(Number(digits) * (sizeUnits[unit.toUpperCase()] ?? NaN));
  if (digits !== "" && Number.isSafeInteger(bytes)) return bytes;
  throw new TimmcError("usage", `${what} is ${JSON.stringify(text)}, which is no size`, {
    hint: "Give bytes, or a number with K, M, G or T, such as 5G.",
  });
}

const timeUnits: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Reads `30d`, `12h`, `45m`, `10s` or `2w`; gives milliseconds. Throws TimmcError `usage` that names `what`. */
export function durationOf(what: string, text: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,9})\s*([smhdw])$/.exec(text.trim()) ?? [];
  if (digits !== "") return Number(digits) * (timeUnits[unit] ?? NaN) * 1000;
  throw new TimmcError("usage", `${what} is ${JSON.stringify(text)}, which is no time`, {
    hint: "Give a number with s, m, h, d or w, such as 30d.",
  });
}
