// Names that somebody may have meant.

/**
 * The name at the fewest changed letters, where these are a third of the word at most.
 *
 * @param {string} word
 * @param {readonly string[]} names
 */
export function nearest(word, names) {
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  /** @type {string | undefined} */
  let best;
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= least) continue;
    const distance = editDistance(word, name);
    if (distance >= least) continue;
    least = distance;
    best = name;
  }
  return best;
}

/**
 * Letters to change, add or leave out (Levenshtein), row by row of the table of all beginnings.
 *
 * @param {string} a
 * @param {string} b
 */
function editDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min(
          (row[j] ?? 0) + 1,
          (next[j - 1] ?? 0) + 1,
          (row[j - 1] ?? 0) + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1),
        ),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}
