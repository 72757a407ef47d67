import { distance } from "fastest-levenshtein";

/** Longer words get no suggestions: they are no misspelled names, and the distance is quadratic. */
const maxWordLength = 200;

/** A candidate this short would be a "prefix" of too many words. */
const minPrefixLength = 4;

const fold = (text: string): string => text.toLowerCase().replaceAll("-", "_");

/**
 * The candidates that a user who wrote `word` may have meant, best first. Case and `-` against `_` do not count.
 * Ranked by edit distance, with names that begin with the word (or the reverse) first among equals, and names that
 * contain it next; names further away than a third of the word are left out.
 */
export function nearNames(word: string, candidates: Iterable<string>, limit = 5): string[] {
  const wanted = fold(word);
  if (wanted === "" || wanted.length > maxWordLength) return [];
  const ranked: { readonly name: string; readonly score: number }[] = [];
  for (const name of candidates) {
    const score = rank(wanted, fold(name));
    if (score !== undefined) ranked.push({ name, score });
  }
  return ranked
    .sort((a, b) => a.score - b.score)
    .slice(0, limit)
    .map(({ name }) => name);
}

/** Lower is nearer; undefined is unrelated. A missing letter within a longer name costs a tenth of a wrong one. */
function rank(wanted: string, name: string): number | undefined {
  const edits = distance(wanted, name);
  const extra = Math.abs(name.length - wanted.length) / 10;
  const isPrefix = name.startsWith(wanted) || (name.length >= minPrefixLength && wanted.startsWith(name));
  if (isPrefix) return Math.min(edits, 1 + extra);
  if (wanted.length > 1 && name.includes(wanted)) return Math.min(edits, 2 + extra);
  return edits <= Math.max(2, Math.floor(wanted.length / 3)) ? edits : undefined;
}
