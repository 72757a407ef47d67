import type { RandomBytes, Refuse } from "../file.ts";

/** Bytes fetched at once: a legacy pickle does not tell its length. */
const WINDOW = 1 << 16;

/** Reads forward through bytes, never past the end. Slices stay valid: a window is replaced, not overwritten. */
export class Cursor {
  readonly #bytes: RandomBytes;
  readonly #refuse: Refuse;
  #window = new Uint8Array();
  #start = 0;
  #position = 0;

  constructor(bytes: RandomBytes, refuse: Refuse) {
    this.#bytes = bytes;
    this.#refuse = refuse;
  }

  get position(): number {
    return this.#position;
  }

  take(length: number): Uint8Array {
    this.#require(length);
    if (this.#position + length > this.#start + this.#window.length) {
      const rest = this.#bytes.size - this.#position;
      this.#window = this.#bytes.read(this.#position, Math.min(rest, Math.max(length, WINDOW)));
      this.#start = this.#position;
    }
    const at = this.#position - this.#start;
    this.#position += length;
    return this.#window.subarray(at, at + length);
  }

  /** Passes over bytes, which are not read where they lie beyond the window. */
  skip(length: number): void {
    this.#require(length);
    this.#position += length;
  }

  u8(): number {
    const byte = this.#window[this.#position - this.#start];
    if (byte === undefined) return this.take(1)[0] ?? 0;
    this.#position++;
    return byte;
  }

  u16(): number {
    return view(this.take(2)).getUint16(0, true);
  }

  u32(): number {
    return view(this.take(4)).getUint32(0, true);
  }

  i32(): number {
    return view(this.take(4)).getInt32(0, true);
  }

  /** Big-endian, as BINFLOAT is. */
  f64(): number {
    return view(this.take(8)).getFloat64(0, false);
  }

  /** A length or count: natural numbers below 2^53. */
  u64(): number {
    const value = view(this.take(8)).getBigUint64(0, true);
    return value < 1n << 53n ? Number(value) : this.#refuse(`the length ${value} is 2^53 or more`);
  }

  /** ASCII up to the next newline, at most `max` characters. */
  line(max: number): string {
    let text = "";
    for (;;) {
      const byte = this.u8();
      if (byte === 0x0a) return text;
      if (byte > 0x7e || (byte < 0x20 && byte !== 0x0d)) this.#refuse("a line of the pickle is not ASCII text");
      text += String.fromCharCode(byte);
      if (text.length > max) this.#refuse(`a line of the pickle has more than ${max} characters`);
    }
  }

  #require(length: number): void {
    const { size } = this.#bytes;
    if (length > size - this.#position) {
      this.#refuse(`${length} bytes are wanted at byte ${this.#position} of ${size}: the file is truncated`);
    }
  }
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
