import * as fc from "fast-check";
import { describe, test } from "vitest";
import { isOpaque, storedBits } from "../../../../src/frontend/weights/source.ts";
import { expectReadOrRefused, fuzzRuns, fuzzTimeout, inserted, mutated } from "../../fuzzing.ts";
import { read } from "./memory.ts";
import { PthWriter, type Py, call, dict, floats, list, name, ordered, pickle, raw, tuple, zip } from "./write-pth.ts";

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

const opcodes = "}](tu0q2RbQa.eshN\u0081\u0085\u0087\u0088\u0094\u0093".split("");
const damaged = (file: Buffer): fc.Arbitrary<Buffer> =>
  mutated([file], inserted(fc.constantFrom(...opcodes.map((opcode) => Buffer.from(opcode, "latin1")))));

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

/** Reads every tensor. */
function readAll(file: Buffer): readonly string[] {
  const { tensors, skipped } = read(file);
  for (const { dtype, shape, read: bytes } of tensors.values()) {
    if (isOpaque(dtype)) continue;
    const wanted = shape.reduce((n, d) => n * d, storedBits[dtype] / 8);
    if (bytes().length !== wanted) throw new Error(`a tensor has ${bytes().length} bytes instead of ${wanted}`);
  }
  return skipped;
}

/** The runs of a format are shared by its kinds of damage. */
const runs = Math.ceil(fuzzRuns(20_000) / 5);

describe("any file is read or refused", () => {
  test.each([
    ["zip archives", damaged(zipFile), 1],
    ["legacy files", damaged(legacyFile), 1],
    ["pickles in a sound archive", damaged(pickleFile).map(around), 1],
    ["members of a sound archive", mutatedMembers(), 1],
    ["programs of opcodes", soup, 0],
  ] as const)("%s", { timeout: fuzzTimeout }, (kind, files, accepted) => {
    expectReadOrRefused(files, readAll, { kind, runs, accepted, codes: ["weights"] });
  });
});

/** Members of any names, in any order, with mutated contents. */
function mutatedMembers(): fc.Arbitrary<Buffer> {
  const names = fc.constantFrom("a/data.pkl", "a/data/0", "a/data/1", "a/byteorder", "a/version", "b.pth", "a/../x");
  const contents = fc.oneof(
    damaged(pickleFile),
    damaged(legacyFile),
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
