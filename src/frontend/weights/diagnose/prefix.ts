import { maxNameLength } from "./entry.ts";

/** A prefix that the names of a file have too many or too few. */
export interface PrefixFinding {
  /** `off`: the file's names have it, and the model's have not. `on`: the other way round. */
  readonly change: "off" | "on";
  readonly prefix: string;
  /** How many missing names are found by the change. */
  readonly found: number;
  /** Prefixes that find as many: `module.encoder_q.` beside `module.encoder_k.`. */
  readonly rivals: readonly string[];
}

/** Deeper names are hostile. */
const maxDots = 32;

/**
 * The one prefix that turns most of the missing names into unused ones when it is taken off the file's names or put in
 * front of them; undefined where none finds more than half of them, or with `either`, more than half of the missing or of
 * the unused, as in the file of another architecture. Work: the number of names times their depth.
 */
export function findPrefix(
  missing: Iterable<string>,
  unused: Iterable<string>,
  half: "missing" | "either" = "missing",
): PrefixFinding | undefined {
  const [names, keys] = [new Set(missing), new Set(unused)];
  const off = best(countPrefixes(keys, names), "off");
  const on = best(countPrefixes(names, keys), "on");
  const finding = on !== undefined && on.found > (off?.found ?? 0) ? on : off;
  const whole = half === "either" ? Math.min(names.size, keys.size) : names.size;
  return finding !== undefined && finding.found * 2 > whole ? finding : undefined;
}

/** For every prefix that ends in a dot: how many of the long names are short ones behind it. */
function countPrefixes(long: ReadonlySet<string>, short: ReadonlySet<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of long) {
    if (name.length > maxNameLength) continue;
    let at = name.indexOf(".") + 1;
    for (let depth = 0; at > 0 && depth < maxDots; depth++) {
      if (short.has(name.slice(at))) counts.set(name.slice(0, at), (counts.get(name.slice(0, at)) ?? 0) + 1);
      at = name.indexOf(".", at) + 1;
    }
  }
  return counts;
}

/** Prefixes that end in a dot and that all names share, the shortest first; at most three. */
export function commonPrefixes(names: readonly string[]): string[] {
  const [first = ""] = names;
  if (first.length > maxNameLength) return [];
  const prefixes: string[] = [];
  for (let at = first.indexOf(".") + 1; at > 0 && prefixes.length < 3; at = first.indexOf(".", at) + 1) {
    const prefix = first.slice(0, at);
    if (!names.every((name) => name.startsWith(prefix))) break;
    prefixes.push(prefix);
  }
  return prefixes;
}

function best(counts: ReadonlyMap<string, number>, change: PrefixFinding["change"]): PrefixFinding | undefined {
  const found = [...counts.values()].reduce((most, n) => Math.max(most, n), 0);
  const [prefix, ...rivals] = [...counts].filter(([, n]) => n === found).map(([p]) => p);
  return prefix === undefined ? undefined : { change, prefix, found, rivals };
}
