import { distance } from "fastest-levenshtein";

/** The candidate closest to `name` in edit distance, where at most a third of the name differs. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, name.length / 3);
  for (const candidate of candidates) {
    const edits = Math.abs(candidate.length - name.length) > least ? Infinity : distance(name, candidate);
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best;
}
