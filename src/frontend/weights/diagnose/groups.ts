import { elements } from "./entry.ts";
import { type Module, isPacked, leadOf } from "./modules.ts";
import { wordsOf } from "./words.ts";

/** Modules whose names differ in numbers alone: `blocks.{0..11}.attn.proj`. */
export interface Group {
  /** The text between the numbers. */
  readonly texts: readonly string[];
  /** The number at each place, undefined where it runs. */
  readonly fixed: readonly (number | undefined)[];
  /** How many places that could run do not. */
  readonly depth: number;
  readonly members: readonly Member[];
  readonly words: readonly string[];
  readonly isPacked: boolean;
}

export interface Member {
  readonly module: Module;
  /** The running numbers. */
  readonly numbers: readonly number[];
}

/** Places beyond these never run. */
const maxRunning = 4;

interface Numbered {
  readonly module: Module;
  readonly numbers: readonly number[];
}

/**
 * Modules under every generalisation: each of the numbers that differ within a skeleton may run or stand. Members are
 * in the order of their running numbers. At most 2^4 generalisations per skeleton.
 */
export function groupsOf(modules: readonly Module[]): Group[] {
  const skeletons = new Map<string, Numbered[]>();
  for (const module of modules) {
    const parts = module.name.split(/(\d{1,6})/);
    const key = parts.map((part, i) => (i % 2 === 0 ? part : "#")).join("");
    const numbers = parts.filter((_, i) => i % 2 === 1).map(Number);
    const list = skeletons.get(key);
    if (list === undefined) skeletons.set(key, [{ module, numbers }]);
    else list.push({ module, numbers });
  }
  return [...skeletons.values()].flatMap(generalised);
}

function generalised(members: readonly Numbered[]): Group[] {
  const [first] = members;
  if (first === undefined) return [];
  const texts = first.module.name.split(/\d{1,6}/);
  const values = first.numbers.map((_, i) => [...new Set(members.map((m) => m.numbers[i] ?? 0))].sort((a, b) => a - b));
  const varying = values.flatMap((v, i) => (v.length > 1 ? [i] : [])).slice(0, maxRunning);
  const groups: Group[] = [];
  for (let set = 0; set < 2 ** varying.length; set++) {
    const running = new Set(varying.filter((_, bit) => (set & (1 << bit)) === 0));
    const parts = new Map<string, Numbered[]>();
    for (const member of members) {
      const key = member.numbers.map((n, i) => (running.has(i) ? "#" : n)).join(".");
      const list = parts.get(key);
      if (list === undefined) parts.set(key, [member]);
      else list.push(member);
    }
    const depth = varying.length - running.size;
    for (const part of parts.values()) groups.push(groupOf(part, { texts, values, running, depth }));
  }
  return groups;
}

interface Generalisation {
  readonly texts: readonly string[];
  readonly values: readonly (readonly number[])[];
  readonly running: ReadonlySet<number>;
  readonly depth: number;
}

function groupOf(members: readonly Numbered[], { texts, values, running, depth }: Generalisation): Group {
  const numbers = members[0]?.numbers ?? [];
  const fixed = numbers.map((n, i) => (running.has(i) ? undefined : n));
  const text = texts
    .map((part, i) => {
      const number = fixed[i];
      const among = values[i] ?? [];
      if (number === undefined) return `${part}${i < fixed.length ? "." : ""}`;
      return among.length > 1 ? `${part}#${among.indexOf(number)}.` : `${part}${number}`;
    })
    .join("");
  return {
    texts,
    fixed,
    depth,
    members: members
      .map(({ module, numbers: all }) => ({ module, numbers: all.filter((_, i) => running.has(i)) }))
      .sort((a, b) => order(a.numbers, b.numbers)),
    words: wordsOf(text),
    isPacked: members.some((m) => isPacked(m.module)),
  };
}

function order(a: readonly number[], b: readonly number[]): number {
  for (const [i, n] of a.entries()) if (n !== b[i]) return n - (b[i] ?? 0);
  return 0;
}

/** Equal for groups that may be each other: how many members, and how many numbers each has. */
export const signature = ({ members }: Group): string =>
  members.map(({ module }) => elements(leadOf(module)?.shape ?? [])).join(",");
