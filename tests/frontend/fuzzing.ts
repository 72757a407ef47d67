import * as fc from "fast-check";
import { expect } from "vitest";
import { type ErrorCode, TimmcError } from "../../src/ir/error.ts";

const wanted = process.env["TIMMC_FUZZ_RUNS"];
/** Mutated files of a format; `TIMMC_FUZZ_RUNS=100000` is the long run of each. */
export const fuzzRuns = (usual: number): number => Number(wanted ?? usual);
/** For tests that fuzz: the long run takes minutes. */
export const fuzzTimeout = 600_000;
/** Of one file, in milliseconds: the files are small, and no bound of a reader allows more. */
const patience = 5_000;
/** Peak of the process, in KiB: vitest gives each test file one of its own. */
const memory = 512 << 10;

export type Mutation = (file: Buffer) => Buffer;

const place = fc.nat({ max: 1 << 16 });
const fewBytes = fc.array(fc.nat({ max: 255 }), { minLength: 1, maxLength: 4 });
const hostileBytes = fc.constantFrom(
  [0xff, 0xff, 0xff, 0xff],
  [0, 0, 0, 0x80],
  [0xff, 0xff, 0xff, 0x7f],
  [0, 0, 0, 0],
  [0xff, 0xff],
  [1, 0, 0, 0],
);

/** `before`, `between`, and the file from `after` on. */
const joined = (file: Buffer, before: number, between: Uint8Array, after = before): Buffer =>
  Buffer.concat([file.subarray(0, before), between, file.subarray(after)]);

/** Puts one of these byte strings anywhere. */
export const inserted = (bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Mutation> =>
  fc.tuple(place, bytes).map(
    ([at, put]): Mutation =>
      (file) =>
        joined(file, at % (file.length + 1), put),
  );

const flipped = fc.tuple(place, fc.nat({ max: 7 })).map(([at, bit]): Mutation => (file) => {
  const out = Buffer.from(file);
  const i = at % file.length;
  out[i] = (out[i] ?? 0) ^ (1 << bit);
  return out;
});
const overwritten = fc.tuple(place, fc.oneof(hostileBytes, fewBytes)).map(([at, bytes]): Mutation => (file) => {
  const out = Buffer.from(file);
  out.set(bytes.slice(0, out.length), at % Math.max(1, out.length - bytes.length));
  return out;
});
const truncated = place.map(
  (at): Mutation =>
    (file) =>
      file.subarray(0, at % file.length),
);
const duplicated = fc.tuple(place, place, fc.integer({ min: 1, max: 60 })).map(([from, to, n]): Mutation => (file) => {
  const begin = from % file.length;
  return joined(file, to % file.length, file.subarray(begin, begin + n));
});
const deleted = fc.tuple(place, fc.integer({ min: 1, max: 60 })).map(
  ([at, n]): Mutation =>
    (file) =>
      joined(file, at % file.length, Buffer.alloc(0), (at % file.length) + n),
);

/** The beginning of the file and the end of another. */
const spliced = (others: readonly Buffer[]): fc.Arbitrary<Mutation> =>
  fc.tuple(place, place, fc.constantFrom(...others)).map(
    ([head, tail, other]): Mutation =>
      (file) =>
        Buffer.concat([file.subarray(0, head % (file.length + 1)), other.subarray(tail % (other.length + 1))]),
  );

/** Any of the files after one to three mutations: of bytes, splices with another of them, and those of the format. */
export const mutated = (files: readonly Buffer[], ...ofFormat: readonly fc.Arbitrary<Mutation>[]) => {
  const ofBytes = [flipped, overwritten, truncated, duplicated, deleted, inserted(fewBytes.map(Buffer.from))];
  const mutation = fc.oneof(...ofBytes, spliced(files), ...ofFormat);
  return fc
    .tuple(fc.constantFrom(...files), fc.array(mutation, { minLength: 1, maxLength: 3 }))
    .map(([seed, list]) => list.reduce((file, mutate) => (file.length === 0 ? file : mutate(file)), seed));
};

interface FuzzOptions {
  /** For the line that a long run prints. */
  readonly kind: string;
  readonly runs: number;
  /** Files that must be accepted: a reader that refuses everything shows nothing. */
  readonly accepted: number;
  /** Of refusals. */
  readonly codes: readonly ErrorCode[];
}

/**
 * Every file is read or refused by a TimmcError that is fit to be shown, soon and in little memory. `read` reads a file
 * to its last number, throws where what it got is wrong, and gives the reader's notices.
 */
export function expectReadOrRefused(
  files: fc.Arbitrary<Buffer>,
  read: (file: Buffer) => readonly string[],
  { kind, runs, accepted: least, codes }: FuzzOptions,
): void {
  let [accepted, refused, slowest] = [0, 0, 0];
  const check = (file: Buffer): void => {
    const begin = performance.now();
    try {
      read(file).forEach(expectFit);
      accepted++;
    } catch (error) {
      if (!(error instanceof TimmcError) || !codes.includes(error.code)) throw error;
      for (const text of [...error.trail, error.message, error.hint ?? ""]) expectFit(text);
      refused++;
    }
    slowest = Math.max(slowest, performance.now() - begin);
  };
  fc.assert(fc.property(files, check), { numRuns: runs });
  const { maxRSS } = process.resourceUsage();
  if (wanted !== undefined) {
    const [ms, mb] = [slowest.toFixed(1), (maxRSS / 1024).toFixed()];
    process.stdout.write(`${kind}: ${accepted} read, ${refused} refused, slowest ${ms} ms, peak ${mb} MiB\n`);
  }
  expect(accepted).toBeGreaterThanOrEqual(least);
  expect(refused).toBeGreaterThan(0);
  expect(slowest).toBeLessThan(patience);
  expect(maxRSS).toBeLessThan(memory);
}

/** Text for people: not endless, and without what a terminal obeys. */
function expectFit(text: string): void {
  if (text.length > 2_000) throw new Error(`a text of ${text.length} characters: ${text.slice(0, 100)}`);
  if (/\p{Cc}/u.test(text)) throw new Error(`control characters in ${JSON.stringify(text)}`);
}
