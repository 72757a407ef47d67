import { printable } from "../printable.ts";

/** Two hundred thousand tensors of a safetensors header; models have thousands. */
const MAX_VALUES = 2_000_000;

/**
 * A strict JSON reader for headers and indexes of untrusted files. Unlike JSON.parse it shows every member of an object, so that
 * duplicates can be refused, and it never builds a value that was not asked for. Each method consumes one construct, or
 * calls `fail` with the rule that is broken and the position. A text holds at most two million values, which bounds the
 * memory that the keys and lists of a caller take.
 */
export class JsonScanner {
  readonly #text: string;
  readonly #fail: (rule: string) => never;
  readonly #what: string;
  #at = 0;
  #values = 0;

  /** `what` names the text in messages. */
  constructor(text: string, fail: (rule: string) => never, what = "header") {
    this.#text = text;
    this.#fail = fail;
    this.#what = what;
  }

  /** `{ "key": ..., }`: `member` must consume the value of each key. */
  object(member: (key: string) => void): void {
    this.#expect("{");
    if (this.#take("}")) return;
    do {
      this.#count();
      const key = this.string();
      this.#expect(":");
      member(key);
    } while (this.#take(","));
    this.#expect("}");
  }

  /** `[ ... ]`: `element` must consume each element. */
  array(element: () => void): void {
    this.#expect("[");
    if (this.#take("]")) return;
    do {
      this.#count();
      element();
    } while (this.#take(","));
    this.#expect("]");
  }

  string(): string {
    this.#skipSpace();
    const start = this.#at;
    if (this.#text[start] !== '"') return this.#refuse("a string");
    let end = start + 1;
    while (this.#text[end] !== '"') {
      if (end >= this.#text.length) return this.#refuse("the end of the string");
      end += this.#text[end] === "\\" ? 2 : 1;
    }
    this.#at = end + 1;
    const value = parseString(this.#text.slice(start, end + 1));
    return value ?? this.#fail(`the string at character ${start} of the ${this.#what} is not valid JSON text`);
  }

  /** A natural number below 2^53, without sign, fraction or exponent. */
  natural(): number {
    this.#skipSpace();
    const [digits] = this.#match(NATURAL) ?? this.#refuse("a natural number");
    const value = Number(digits);
    return Number.isSafeInteger(value) ? value : this.#fail(`the number ${digits.slice(0, 40)} is 2^53 or more`);
  }

  /** Any value, unseen; nested at most 64 deep. */
  skip(depth = 0): void {
    if (depth > 64) this.#fail("values are nested more than 64 deep");
    this.#skipSpace();
    const next = this.#text[this.#at];
    if (next === "{") this.object(() => this.skip(depth + 1));
    else if (next === "[") this.array(() => this.skip(depth + 1));
    else if (next === '"') this.string();
    else if (this.#match(SIMPLE) === null) this.#refuse("a value");
  }

  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) this.#refuse("only spaces after the closing brace");
  }

  /** Another member or element. */
  #count(): void {
    if (++this.#values > MAX_VALUES) this.#fail(`the ${this.#what} has more than ${MAX_VALUES} values`);
  }

  #skipSpace(): void {
    this.#match(SPACE);
  }

  #take(char: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #expect(char: string): void {
    if (!this.#take(char)) this.#refuse(`\`${char}\``);
  }

  #match(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text);
    if (match !== null) this.#at = sticky.lastIndex;
    return match;
  }

  #refuse(wanted: string): never {
    const rest = this.#text.slice(this.#at, this.#at + 12);
    const found = rest === "" ? "the end" : printable(JSON.stringify(rest));
    return this.#fail(
      `the ${this.#what} is not valid JSON: expected ${wanted} at character ${this.#at}, found ${found}`,
    );
  }
}

const SPACE = /[ \t\n\r]*/y;
const NATURAL = /(?:0|[1-9]\d*)(?![\d.eE])/y;
/** A number or a word. */
const SIMPLE = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** A quoted JSON string; undefined for bad escapes, control characters and halves of surrogate pairs. */
function parseString(quoted: string): string | undefined {
  try {
    const value: unknown = JSON.parse(quoted);
    return typeof value === "string" && !/\p{Surrogate}/u.test(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
