import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isOpaque, storedBits } from "../../../../src/frontend/weights/source.ts";
import { TimmcError } from "../../../../src/ir/error.ts";
import { read } from "./memory.ts";
import { PthWriter, type Py, call, dict, floats, list, name, ordered, pickle, raw, tuple, zip } from "./write-pth.ts";

/** Mutated files of each of five kinds; `TIMMC_FUZZ_RUNS=100000` is the long run. */
const runs = Math.ceil(Number(process.env["TIMMC_FUZZ_RUNS"] ?? 20_000) / 5);
/** Of one file, in milliseconds: the files are small, and no bound of the reader allows more. */
const patience = 5_000;

const storages = { 0: floats(1, 2, 3, 4, 5, 6), 1: { type: "HalfStorage", width: 2, bytes: new Uint8Array(8) } };

function root(writer: PthWriter): Py {
  const weight = writer.tensor({ storage: "0", shape: [2, 3] });
  const half = writer.tensor({ storage: "1", shape: [2, 2], strides: [1, 2] });
  const tied = writer.tensor({ storage: "0", shape: [2], strides: [3], offset: 2 });
  return dict({
    epoch: 3,
    args: { build: call("argparse", "Namespace"), state: dict({ lr: 0.5, wide: 2 ** 40 }) },
    state_dict_ema: null,
    state_dict: ordered([
      ["module.weight", call("torch._utils", "_rebuild_parameter", weight, true, call("collections", "OrderedDict"))],
      ["module.half", half],
      ["module.tied", tied],
    ]),
    others: list(true, "text", tuple(1, 2), name("torch", "float32")),
  });
}

const zipWriter = new PthWriter(storages);
const zipFile = zipWriter.file(root(zipWriter), { byteorder: "little" });
const legacyWriter = new PthWriter(storages, "legacy");
const legacyFile = legacyWriter.file(root(legacyWriter));
const pickleFile = pickle(root(zipWriter));

/** A valid archive around any pickle. */
const around = (data: Uint8Array): Buffer =>
  zip([
    ["a/data.pkl", data],
    ["a/data/0", storages[0].bytes],
    ["a/data/1", storages[1].bytes],
  ]);

type Mutation = (file: Buffer) => Buffer;
const place = fc.nat({ max: 1 << 16 });
const hostile = fc.constantFrom(
  [0xff, 0xff, 0xff, 0xff],
  [0, 0, 0, 0x80],
  [0xff, 0xff, 0xff, 0x7f],
  [0, 0, 0, 0],
  [0xff, 0xff],
  [1, 0, 0, 0],
);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(place, fc.nat({ max: 7 })).map(([at, bit]): Mutation => (file) => {
    const out = Buffer.from(file);
    const i = at % file.length;
    out[i] = (out[i] ?? 0) ^ (1 << bit);
    return out;
  }),
  fc
    .tuple(place, fc.oneof(hostile, fc.array(fc.nat({ max: 255 }), { minLength: 1, maxLength: 4 })))
    .map(([at, bytes]): Mutation => (file) => {
      const out = Buffer.from(file);
      out.set(bytes.slice(0, out.length), at % Math.max(1, out.length - bytes.length));
      return out;
    }),
  place.map(
    (at): Mutation =>
      (file) =>
        file.subarray(0, at % file.length),
  ),
  fc.tuple(place, place, fc.integer({ min: 1, max: 60 })).map(([from, to, n]): Mutation => (file) => {
    const [a, b] = [from % file.length, to % file.length];
    return Buffer.concat([file.subarray(0, b), file.subarray(a, a + n), file.subarray(b)]);
  }),
  fc.tuple(place, fc.integer({ min: 1, max: 60 })).map(([at, n]): Mutation => (file) => {
    const i = at % file.length;
    return Buffer.concat([file.subarray(0, i), file.subarray(i + n)]);
  }),
  fc
    .tuple(place, fc.constantFrom(..."}](tu0q2RbQa.eshN\u0081\u0085\u0087\u0088\u0094\u0093".split("")))
    .map(([at, opcode]): Mutation => (file) => {
      const i = at % file.length;
      return Buffer.concat([file.subarray(0, i), Buffer.from(opcode, "latin1"), file.subarray(i)]);
    }),
);
const mutated = (file: Buffer): fc.Arbitrary<Buffer> =>
  fc
    .array(mutation, { minLength: 1, maxLength: 3 })
    .map((list_) => list_.reduce((bytes, mutate) => (bytes.length === 0 ? bytes : mutate(bytes)), file));

/** Programs of opcodes, mostly well-formed one by one, in any order. */
const soup: fc.Arbitrary<Buffer> = fc
  .array(
    fc.oneof(
      fc
        .constantFrom(..."}](tu0q2RbQaeshN)\u0081\u0085\u0086\u0087\u0088\u0094\u0093".split(""))
        .map((c) => Buffer.from(c === "q" || c === "h" ? `${c}\u0001` : c, "latin1")),
      fc
        .constantFrom(
          ["collections", "OrderedDict"],
          ["torch._utils", "_rebuild_tensor_v2"],
          ["torch._utils", "_rebuild_tensor_v3"],
          ["torch._utils", "_rebuild_parameter"],
          ["torch._tensor", "_rebuild_from_type_v2"],
          ["torch", "FloatStorage"],
          ["torch", "Size"],
          ["numpy", "dtype"],
          ["os", "system"],
        )
        .map((parts) => Buffer.from(`c${parts.join("\n")}\n`)),
      fc
        .constantFrom<Py>(
          "storage",
          "0",
          "cpu",
          "key",
          0,
          1,
          6,
          -1,
          2 ** 40,
          0.5,
          true,
          tuple(2, 3),
          tuple(3, 1),
          zipWriter.storage("0"),
          zipWriter.tensor({ storage: "0", shape: [6] }),
          raw(0x8a, 1, 5),
        )
        .map((value) => pickle(value).subarray(2, -1)),
    ),
    { maxLength: 40 },
  )
  .map((parts) => around(Buffer.concat([Buffer.of(0x80, 2), ...parts, Buffer.from(".")])));

interface Outcome {
  readonly accepted: number;
  readonly refused: number;
  readonly slowest: number;
}

/** Every file is read, to the last number, or refused by a TimmcError. */
function fuzz(files: fc.Arbitrary<Buffer>): Outcome {
  let [accepted, refused, slowest] = [0, 0, 0];
  fc.assert(
    fc.property(files, (file) => {
      const begin = performance.now();
      try {
        for (const { dtype, shape, read: bytes } of read(file).tensors.values()) {
          if (isOpaque(dtype)) continue;
          const wanted = shape.reduce((n, d) => n * d, storedBits[dtype] / 8);
          if (bytes().length !== wanted) throw new Error(`a tensor has ${bytes().length} bytes instead of ${wanted}`);
        }
        accepted++;
      } catch (error) {
        if (!(error instanceof TimmcError)) throw error;
        refused++;
      }
      slowest = Math.max(slowest, performance.now() - begin);
    }),
    { numRuns: runs },
  );
  return { accepted, refused, slowest };
}

describe("any file is read or refused", () => {
  test.each([
    ["zip archives", mutated(zipFile), 1],
    ["legacy files", mutated(legacyFile), 1],
    ["pickles in a sound archive", mutated(pickleFile).map(around), 1],
    ["members of a sound archive", mutatedMembers(), 1],
    ["programs of opcodes", soup, 0],
  ] as const)("%s", { timeout: 600_000 }, (kind, files, least) => {
    const outcome = fuzz(files);
    if (process.env["TIMMC_FUZZ_RUNS"] !== undefined) process.stdout.write(`${kind}: ${JSON.stringify(outcome)}\n`);
    expect(outcome.accepted).toBeGreaterThanOrEqual(least);
    expect(outcome.refused).toBeGreaterThan(0);
    expect(outcome.slowest).toBeLessThan(patience);
  });
});

/** Members of any names, in any order, with mutated contents. */
function mutatedMembers(): fc.Arbitrary<Buffer> {
  const names = fc.constantFrom("a/data.pkl", "a/data/0", "a/data/1", "a/byteorder", "a/version", "b.pth", "a/../x");
  const contents = fc.oneof(
    mutated(pickleFile),
    mutated(legacyFile),
    fc.constantFrom(pickleFile, legacyFile, zipFile, Buffer.from("big"), Buffer.from("little")),
    fc.constantFrom(storages[0].bytes, storages[1].bytes),
  );
  const sound = fc.constant(pickleFile).map((data): [string, Uint8Array][] => [
    ["a/data.pkl", data],
    ["a/data/0", storages[0].bytes],
    ["a/data/1", storages[1].bytes],
  ]);
  const members = fc.array(fc.tuple(names, contents), { maxLength: 3 });
  const options = fc.record({
    wide: fc.boolean(),
    comment: fc.constantFrom("", "PK\u0005\u0006"),
    method: fc.constantFrom(0, 0, 0, 8),
  });
  return fc
    .tuple(sound, members, fc.boolean(), options)
    .map(([base, more, whole, option]) => zip([...(whole ? base : base.slice(0, 1)), ...more], option));
}
