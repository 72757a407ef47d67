/** One position of a pattern: any run of characters, any one character, or one of a set of ranges. */
type Piece = { readonly kind: "star" } | { readonly kind: "one"; readonly accepts: (character: string) => boolean };

/**
 * Whole-string match of a shell pattern by the rules of Python's `fnmatch.fnmatchcase`, which timm's list uses: `*`,
 * `?`, `[a-z]`, `[!a-z]`; a `[` without its `]` is an ordinary character, and nothing escapes. Backtracks only to the
 * last `*`, so the cost is at most pattern times text.
 */
export function globMatch(pattern: string, text: string): boolean {
  const pieces = parsePattern(pattern);
  const characters = [...text];
  let piece = 0;
  let position = 0;
  let star = -1;
  let resume = 0;
  while (position < characters.length) {
    const current = pieces[piece];
    if (current?.kind === "star") {
      star = piece++;
      resume = position;
    } else if (current?.accepts(characters[position] ?? "") === true) {
      piece++;
      position++;
    } else if (star >= 0) {
      piece = star + 1;
      position = ++resume;
    } else {
      return false;
    }
  }
  return pieces.slice(piece).every(({ kind }) => kind === "star");
}

function parsePattern(pattern: string): Piece[] {
  const characters = [...pattern];
  const pieces: Piece[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    const end = character === "[" ? closingBracket(characters, at) : undefined;
    if (end !== undefined) {
      pieces.push({ kind: "one", accepts: parseSet(characters.slice(at + 1, end)) });
      at = end;
    } else if (character === "*") {
      pieces.push({ kind: "star" });
    } else {
      pieces.push({ kind: "one", accepts: character === "?" ? () => true : (other) => other === character });
    }
  }
  return pieces;
}

/** Index of the `]` that closes the `[` at `open`; one right after `[` or `[!` is a member of the set. */
function closingBracket(characters: readonly string[], open: number): number | undefined {
  const first = characters[open + 1] === "!" ? open + 2 : open + 1;
  const end = characters.indexOf("]", first + 1);
  return end < 0 ? undefined : end;
}

/** A reversed range such as `z-a` is empty. A `-` at either end is a member. */
function parseSet(body: readonly string[]): (character: string) => boolean {
  const negated = body[0] === "!";
  const members = negated ? body.slice(1) : body;
  const ranges: [low: number, high: number][] = [];
  for (let at = 0; at < members.length; at++) {
    const low = codePoint(members[at]);
    const isRange = members[at + 1] === "-" && at + 2 < members.length;
    ranges.push([low, isRange ? codePoint(members[at + 2]) : low]);
    if (isRange) at += 2;
  }
  return (character) => {
    const code = codePoint(character);
    return ranges.some(([low, high]) => low <= code && code <= high) !== negated;
  };
}

const codePoint = (character: string | undefined): number => character?.codePointAt(0) ?? -1;
