import { TimmcError } from "./error.ts";

/**
 * Reads the textual IR from left to right, past blanks and `//` comments. Every failure names line:column, what was found
 * and what was expected. Patterns are sticky regular expressions.
 */
export class Scanner {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
    this.skipBlanks();
  }

  /** Where the next token starts, for `fail` and `located`. */
  get position(): number {
    return this.at;
  }

  get atEnd(): boolean {
    return this.at === this.text.length;
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) return undefined;
    this.at += found.length;
    this.skipBlanks();
    return found;
  }

  /** Takes a symbol or a whole word, if it stands here. */
  accept(symbol: string): boolean {
    const end = this.at + symbol.length;
    if (!this.text.startsWith(symbol, this.at)) return false;
    if (/\w$/.test(symbol) && /\w/.test(this.text.charAt(end))) return false;
    this.at = end;
    this.skipBlanks();
    return true;
  }

  expect(symbol: string): void {
    if (!this.accept(symbol)) this.fail(`"${symbol}"`);
  }

  /** One or more items between commas. */
  list<T>(item: () => T): T[] {
    const items = [item()];
    while (this.accept(",")) items.push(item());
    return items;
  }

  /** A JSON string, if one stands here. */
  string(): string | undefined {
    const start = this.at;
    if (this.text[start] !== '"') return undefined;
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === "\\" ? 2 : 1;
    const literal = this.text.slice(start, end + 1);
    let value: unknown;
    try {
      value = JSON.parse(literal);
    } catch {
      this.fail("a JSON string", start);
    }
    this.at = end + 1;
    this.skipBlanks();
    return String(value);
  }

  /** A name as `printName` writes it. */
  name(what: string): string {
    return this.take(/[\w.-]+/y) ?? this.string() ?? this.fail(what);
  }

  /** Refuses the text between `at` and `end`, or the next token. */
  fail(expected: string, at = this.at, end?: number): never {
    const token = /[\w.$%@~-]+|\S/y;
    token.lastIndex = at;
    const found = end === undefined ? (token.exec(this.text)?.[0] ?? "") : this.text.slice(at, end).trim();
    const shown = (found.length > 40 ? `${found.slice(0, 40)}...` : found).replace(/\p{Cc}/gu, "?");
    const what = shown === "" ? "the end of the text" : `\`${shown}\``;
    throw new TimmcError("invalid-ir", `found ${what}, expected ${expected}`, { trail: [this.place(at)] });
  }

  /** Runs `body`; a TimmcError that leaves it gains the place in front of its trail. */
  located<T>(at: number, body: () => T): T {
    try {
      return body();
    } catch (error) {
      throw error instanceof TimmcError ? error.within(this.place(at)) : error;
    }
  }

  private place(at: number): string {
    const lines = this.text.slice(0, at).split("\n");
    return `${lines.length}:${(lines.at(-1) ?? "").length + 1}`;
  }

  private skipBlanks(): void {
    const blanks = /\s*/y;
    const comment = /\/\/[^\n]*/y;
    do {
      blanks.lastIndex = this.at;
      this.at += blanks.exec(this.text)?.[0].length ?? 0;
      comment.lastIndex = this.at;
      this.at += comment.exec(this.text)?.[0].length ?? 0;
    } while (comment.lastIndex > 0);
  }
}
