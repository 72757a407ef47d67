import { expect, test } from "vitest";
import { refusal } from "./memory.ts";
import { zip } from "./write-pth.ts";

/** Pickles of 16 MB that ask for as much as they can of one thing. */
const size = 16_000_002;
const repeat = (...bytes: readonly number[]): Buffer => Buffer.alloc(size, Uint8Array.from(bytes));
const text = (program: string): number[] => [...Buffer.from(program, "latin1")];

/** "J" and four bytes that differ each time, then None. */
function distinct(): Buffer {
  const out = repeat(...text("J    N"));
  for (let i = 0; i + 6 <= size; i += 6) out.writeInt32LE(i, i + 1);
  return Buffer.concat([Buffer.from("}("), out, Buffer.from("u")]);
}

const bombs: Readonly<Record<string, () => Buffer>> = {
  "empty dictionaries": () => repeat(...text("}")),
  "empty lists": () => repeat(...text("]")),
  marks: () => repeat(...text("(")),
  nothing: () => repeat(...text("N")),
  numbers: () => repeat(...text("G"), 1, 2, 3, 4, 5, 6, 7, 8),
  "long integers": () => repeat(0x8a, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9),
  texts: () => repeat(...text("U"), 2, 0x61, 0x62),
  bytes: () => repeat(...text("C"), 0),
  "nested tuples": () => Buffer.concat([Buffer.from("N"), repeat(0x85)]),
  names: () => repeat(...text("ctorch\nSize\n")),
  "entries of a dictionary": distinct,
  "entries of a list": () => Buffer.concat([Buffer.from("]("), repeat(...text("K\u0001")), Buffer.from("e")]),
  "copies of a dictionary": () =>
    Buffer.concat([
      Buffer.from("ccollections\nOrderedDict\nq\u0001]q\u0002("),
      Buffer.from("NN\u0086".repeat(100_000), "latin1"),
      Buffer.from("e"),
      repeat(...text("h\u0001h\u0002\u0085R0")),
    ]),
};

test.each(Object.keys(bombs))("a bomb of %s is refused soon and in little memory", (kind) => {
  const file = zip([["a/data.pkl", Buffer.concat([Buffer.of(0x80, 2), bombs[kind]?.() ?? expect.fail(kind)])]]);
  const begin = performance.now();
  expect(refusal(file)).toMatch(/more than|longer than|truncated|empty stack|mark that was not set/);
  expect(performance.now() - begin).toBeLessThan(20_000);
});

test("a pickle is at most 64 MiB long", () => {
  const head = Buffer.from("\u0080\u0002B    ", "latin1");
  head.writeUInt32LE(1 << 26, 3);
  const data = Buffer.concat([head, Buffer.alloc(1 << 26), Buffer.from("0N.")]);
  expect(refusal(zip([["a/data.pkl", data]]))).toMatch(/longer than 67108864 bytes/);
});
