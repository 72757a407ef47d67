import { shown } from "../file.ts";
import { globalName, refusedCall } from "./globals.ts";
import { type Machine, newDict, newList } from "./machine.ts";
import type { Value } from "./values.ts";

type Opcode = (m: Machine) => void;

/** Lines of text opcodes: names and decimal numbers. */
const MAX_LINE = 400;
const MAX_TEXT = 1 << 24;
/** In bytes; torch's magic number has ten. */
const MAX_INTEGER = 64;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What the opcodes of torch's own reader do, those of protocol 4 and of Python 2's strings. PROTO and STOP frame them. */
export const opcodes: Readonly<Record<number, Opcode>> = {
  // Plain values.
  [code("N")]: (m) => m.push(null),
  0x88: (m) => m.push(true),
  0x89: (m) => m.push(false),
  [code("J")]: (m) => m.push(m.cursor.i32()),
  [code("K")]: (m) => m.push(m.cursor.u8()),
  [code("M")]: (m) => m.push(m.cursor.u16()),
  0x8a: (m) => m.push(long(m, m.cursor.u8())),
  [code("G")]: (m) => m.push(m.cursor.f64()),
  [code("I")]: (m) => m.push(integerLine(m)),
  [code("L")]: (m) => m.push(integerLine(m)),
  [code("F")]: (m) => m.push(floatLine(m)),
  // Text and bytes.
  [code("X")]: (m) => m.push(text(m, m.cursor.u32())),
  0x8c: (m) => m.push(text(m, m.cursor.u8())),
  0x8d: (m) => m.push(text(m, m.cursor.u64())),
  [code("U")]: (m) => m.push(oldText(m, m.cursor.u8())),
  [code("T")]: (m) => m.push(oldText(m, m.cursor.u32())),
  [code("S")]: (m) => m.push(textLine(m)),
  [code("C")]: (m) => m.push(bytes(m, m.cursor.u8())),
  [code("B")]: (m) => m.push(bytes(m, m.cursor.u32())),
  0x8e: (m) => m.push(bytes(m, m.cursor.u64())),
  // Containers.
  [code(")")]: (m) => m.push({ kind: "tuple", items: [] }),
  0x85: (m) => tuple(m, 1),
  0x86: (m) => tuple(m, 2),
  0x87: (m) => tuple(m, 3),
  [code("t")]: (m) => m.push({ kind: "tuple", items: m.popMarked() }),
  [code("]")]: (m) => m.push(newList()),
  [code("}")]: (m) => m.push(newDict()),
  0x8f: (m) => m.push({ kind: "opaque", what: "a set" }),
  [code("a")]: (m) => m.append([m.pop()]),
  [code("e")]: (m) => m.append(m.popMarked()),
  0x90: (m) => m.append(m.popMarked()),
  [code("s")]: (m) => {
    const value = m.pop();
    m.setItems([m.pop(), value]);
  },
  [code("u")]: (m) => m.setItems(m.popMarked()),
  // Stack and memo. FRAME only groups bytes.
  [code("(")]: (m) => m.mark(),
  [code("0")]: (m) => m.discard(),
  [code("2")]: (m) => m.repeat(m.top()),
  [code("q")]: (m) => m.put(m.cursor.u8()),
  [code("r")]: (m) => m.put(m.cursor.u32()),
  0x94: (m) => m.memoize(),
  [code("h")]: (m) => m.get(m.cursor.u8()),
  [code("j")]: (m) => m.get(m.cursor.u32()),
  0x95: (m) => void m.cursor.u64(),
  // Names, and what is done with them.
  [code("c")]: (m) => m.pushGlobal(m.cursor.line(MAX_LINE), m.cursor.line(MAX_LINE)),
  0x93: (m) => {
    const name = m.popText();
    m.pushGlobal(m.popText(), name);
  },
  [code("R")]: (m) => m.reduce(),
  0x81: (m) => m.reduce(),
  [code("b")]: (m) => m.build(),
  [code("Q")]: (m) => m.persistent(),
  [code("i")]: (m) => m.refuse(refusedCall(globalName(m.cursor.line(MAX_LINE), m.cursor.line(MAX_LINE)))),
};

function code(char: string): number {
  return char.charCodeAt(0);
}

function tuple(m: Machine, length: number): void {
  const items = Array.from({ length }, () => m.pop());
  m.push({ kind: "tuple", items: items.toReversed() });
}

function text(m: Machine, length: number): string {
  if (length > MAX_TEXT) m.refuse(`a text of ${length} bytes is longer than ${MAX_TEXT}`);
  return decode(m.cursor.take(length)) ?? m.refuse("a text of the pickle is not UTF-8");
}

/** Python 2's `str`: text where it can be, else one character per byte. */
function oldText(m: Machine, length: number): string {
  if (length > MAX_TEXT) m.refuse(`a text of ${length} bytes is longer than ${MAX_TEXT}`);
  const taken = m.cursor.take(length);
  return decode(taken) ?? Buffer.from(taken).toString("latin1");
}

function decode(taken: Uint8Array): string | undefined {
  try {
    return utf8.decode(taken);
  } catch {
    return undefined;
  }
}

function bytes(m: Machine, length: number): Value {
  m.cursor.skip(length);
  return { kind: "opaque", what: "bytes" };
}

/** Two's complement, little-endian; a bigint where a double cannot hold it. */
function long(m: Machine, length: number): number | bigint {
  if (length > MAX_INTEGER) m.refuse(`an integer of ${length} bytes is longer than ${MAX_INTEGER}`);
  let value = 0n;
  for (const [i, byte] of m.cursor.take(length).entries()) value |= BigInt(byte) << BigInt(8 * i);
  return narrowed(BigInt.asIntN(8 * length, value));
}

const narrowed = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value);

/** `12`, Python 2's `12L`, and `00` and `01` for booleans. */
function integerLine(m: Machine): number | bigint | boolean {
  const line = m.cursor.line(MAX_LINE);
  if (line === "00" || line === "01") return line === "01";
  const [digits] = /^-?\d{1,154}(?=L?\r?$)/.exec(line) ?? m.refuse(`"${shown(line)}" is no integer`);
  return narrowed(BigInt(digits));
}

function floatLine(m: Machine): number {
  const line = m.cursor.line(MAX_LINE).trim();
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(line)) return Number(line);
  const special = /^([+-]?)(inf|nan)$/i.exec(line) ?? m.refuse(`"${shown(line)}" is no number`);
  if (special[2]?.toLowerCase() === "nan") return Number.NaN;
  return special[1] === "-" ? -Infinity : Infinity;
}

/** A quoted text of Python 2. Escapes are not read: no name of a weight needs them. */
function textLine(m: Machine): Value {
  const line = m.cursor.line(MAX_LINE);
  const [, , inner] = /^(['"])(.*)\1\r?$/.exec(line) ?? m.refuse(`${shown(line)} is no quoted text`);
  return inner === undefined || inner.includes("\\") ? { kind: "opaque", what: "a text with escapes" } : inner;
}
