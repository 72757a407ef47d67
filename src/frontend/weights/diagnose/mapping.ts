import type { Named } from "./entry.ts";
import { type Group, groupsOf, signature } from "./groups.ts";
import { modulesOf } from "./modules.ts";
import { type Pair, namesOf, pairOf } from "./pair.ts";
import { type Template, groupTemplate, templatesOf } from "./template.ts";

/** The systematic difference between the names of a file and those of a model. */
export interface Mapping {
  readonly templates: readonly Template[];
  /** Parameters that several entries of the file may be, so that none is chosen. */
  readonly ambiguous: readonly Ambiguity[];
  /** Names that were not looked at since there are too many. */
  readonly passedOver: number;
}

interface Ambiguity {
  /** Parameters of the model, as a template. */
  readonly to: string;
  /** How many modules they are of. */
  readonly modules: number;
  /** What they may be, as templates. */
  readonly from: readonly string[];
}

/** How much better than the next a pair must be to be taken. */
const margin = 0.05;
/** Names that have less in common are paired only where their shapes leave no other choice. */
const likeness = 0.2;
/** A mapping of a smaller part of what is missing is chance: some layers of another network have the same widths. */
const coverage = 0.6;
/** Pairs of one signature that are compared: beyond, shapes tell too little. */
const maxPairs = 4096;
/** Ambiguities that are worth a reader's time. */
const maxAmbiguities = 20;

/**
 * Finds which unused entries of a file are the missing parameters of a model: groups of modules of equal shapes, the
 * most general ones first, each by its words among those of its shapes. A pair is taken where it is the best of both
 * sides by a margin; ties stay open.
 */
export function findMapping(missing: readonly Named[], unused: readonly Named[]): Mapping {
  const [model, file] = [modulesOf(missing), modulesOf(unused)];
  const buckets = bucketsOf(generalFirst(groupsOf(model.list)), generalFirst(groupsOf(file.list)));
  const used = new Set<string>();
  const taken: Pair[] = [];
  for (const pairs of byDepth(buckets)) {
    for (let isNew = true; isNew;) {
      const accepted = decided(pairs.filter((p) => isOpen(p, used)));
      for (const pair of accepted) {
        if (!isOpen(pair, used)) continue;
        taken.push(pair);
        for (const name of namesOf(pair)) used.add(name);
      }
      isNew = accepted.length > 0;
    }
  }
  const passedOver = model.passedOver + file.passedOver;
  const templates = taken.flatMap(templatesOf);
  const found = templates.reduce((n, t) => n + t.matched, 0);
  return found < coverage * missing.length
    ? { templates: [], ambiguous: [], passedOver }
    : { templates, ambiguous: ambiguities(buckets, used), passedOver };
}

/** So that the most general groups are compared where there are too many pairs. */
const generalFirst = (groups: readonly Group[]): Group[] => groups.toSorted((a, b) => a.depth - b.depth);

/** The possible pairs of each signature. */
function bucketsOf(model: readonly Group[], file: readonly Group[]): Pair[][] {
  const bySignature = new Map<string, Group[]>();
  for (const group of file) {
    const key = signature(group);
    const list = bySignature.get(key);
    if (list === undefined) bySignature.set(key, [group]);
    else list.push(group);
  }
  const buckets = new Map<string, Pair[]>();
  for (const group of model) {
    const key = signature(group);
    const others = bySignature.get(key) ?? [];
    const bucket = buckets.get(key) ?? [];
    buckets.set(key, bucket);
    if (bucket.length + others.length > maxPairs) continue;
    for (const other of others) {
      const pair = pairOf(group, other);
      if (pair !== undefined) bucket.push(pair);
    }
  }
  return [...buckets.values()];
}

/** Pairs of all signatures, the most general ones first. */
function byDepth(buckets: readonly (readonly Pair[])[]): Pair[][] {
  const levels: Pair[][] = [];
  for (const pair of buckets.flat()) (levels[pair.depth] ??= []).push(pair);
  return levels.filter((level) => level !== undefined);
}

const isOpen = (pair: Pair, used: ReadonlySet<string>): boolean => !namesOf(pair).some((name) => used.has(name));

/** Pairs that are the best for both of their sides: alone, or by a margin and with likeness. */
function decided(pairs: readonly Pair[]): Pair[] {
  const best = bestOf(pairs);
  return pairs.filter((pair) => {
    const rivals = [best.get(pair.model), best.get(pair.file)];
    return rivals.every((r) => r?.best === pair && (r.next === undefined || (isAhead(pair, r.next) && isLike(pair))));
  });
}

const isAhead = (pair: Pair, next: number): boolean => pair.score - next >= margin;
const isLike = (pair: Pair): boolean => pair.score >= likeness;

interface Best {
  readonly best: Pair;
  /** The score of the second best. */
  readonly next: number | undefined;
}

function bestOf(pairs: readonly Pair[]): Map<Group, Best> {
  const result = new Map<Group, Best>();
  for (const pair of pairs)
    for (const side of [pair.model, pair.file]) {
      const known = result.get(side);
      if (known === undefined) result.set(side, { best: pair, next: undefined });
      else if (pair.score > known.best.score) result.set(side, { best: pair, next: known.best.score });
      else result.set(side, { best: known.best, next: Math.max(known.next ?? pair.score, pair.score) });
    }
  return result;
}

/** Groups whose best pairs tie, the most general ones first. */
function ambiguities(buckets: readonly (readonly Pair[])[], used: ReadonlySet<string>): Ambiguity[] {
  const byModel = new Map<Group, Pair[]>();
  for (const pair of buckets.flat().filter((p) => isOpen(p, used)))
    byModel.set(pair.model, [...(byModel.get(pair.model) ?? []), pair]);
  const said = new Set<string>();
  const result: Ambiguity[] = [];
  for (const [group, pairs] of [...byModel].sort(([a], [b]) => a.depth - b.depth)) {
    const names = group.members.map((m) => m.module.name);
    if (pairs.length < 2 || result.length >= maxAmbiguities || names.some((name) => said.has(name))) continue;
    const shallow = Math.min(...pairs.map((p) => p.depth));
    const candidates = pairs.filter((p) => p.depth === shallow).sort((a, b) => b.score - a.score);
    if (candidates.length < 2) continue;
    for (const name of names) said.add(name);
    const from = candidates.slice(0, 4).map((p) => groupTemplate(p.file));
    result.push({ to: groupTemplate(group), modules: names.length, from });
  }
  return result;
}
