import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { viewAs } from "../../../../src/ir/bytes.ts";
import { read, refusal } from "./memory.ts";
import {
  PthWriter,
  type Py,
  type Storage,
  call,
  dict,
  floats,
  list,
  name,
  ordered,
  pickle,
  raw,
  rowMajor,
  tuple,
  zip,
} from "./write-pth.ts";

const six = floats(1, 2, 3, 4, 5, 6);
const writer = new PthWriter({ 0: six });
const legacy = new PthWriter({ 0: six }, "legacy");
const weight = writer.tensor({ storage: "0", shape: [2, 3] });
const file = (root: Py): Buffer => writer.file(root);
const hooks = call("collections", "OrderedDict");

const values = (bytes: Uint8Array, key: string): number[] => [
  ...viewAs(read(bytes).tensors.get(key)?.read() ?? expect.fail(key), Float32Array),
];

describe("calls", () => {
  test.each([
    ["posix", "system"],
    ["os", "system"],
    ["nt", "system"],
    ["sys", "exit"],
    ["builtins", "eval"],
    ["__builtin__", "getattr"],
    ["torch", "load"],
    ["torch.hub", "load"],
    ["torch.nn.modules.linear", "Linear"],
    ["numpy", "load"],
    ["collections", "OrderedDict.fromkeys"],
    ["constructor", "constructor"],
    ["", "__proto__"],
  ])("of %s.%s are refused by name, wherever they lie", (module, text) => {
    const shown = `calls ${module.replace("__builtin__", "builtins")}.${text}, which is code`;
    const evil = call(module, text, "rm -rf /");
    const created: Py = { raw: Buffer.concat([Buffer.from(`c${module}\n${text}\n)`), Buffer.of(0x81)]) };
    const instance: Py = { raw: Buffer.from(`(i${module}\n${text}\n`) };
    const indirect = call(
      "torch._tensor",
      "_rebuild_from_type_v2",
      name(module, text),
      name("torch", "Tensor"),
      tuple(),
      null,
    );
    for (const call_ of [evil, created, instance, indirect]) {
      expect(refusal(file(call_))).toContain(shown);
      expect(refusal(file(dict({ weight, unused: list(tuple(call_)) })))).toContain(shown);
      expect(
        refusal(
          file(dict({ args: { build: call("argparse", "Namespace"), state: call_ }, state_dict: dict({ weight }) })),
        ),
      ).toContain(shown);
      expect(refusal(legacy.file(dict({ a: call_ })))).toContain(shown);
      expect(refusal(pickle(call_))).toContain(shown);
    }
  });

  test("by names that the pickle computes, and of what is no name", () => {
    const computed: Py = {
      raw: Buffer.concat([
        pickle("os").subarray(2, -1),
        pickle("system").subarray(2, -1),
        Buffer.of(0x93),
        Buffer.from(")R"),
      ]),
    };
    expect(refusal(file(computed))).toContain("calls os.system");
    expect(refusal(file({ call: "os.system", args: [] }))).toMatch(/calls a string/);
    expect(refusal(file({ call: call("argparse", "Namespace"), args: [] }))).toMatch(/calls a argparse.Namespace/);
  });

  test("names that are only mentioned are data", () => {
    const entries = dict({ state_dict: dict({ weight }), what: name("os", "system"), type: name("torch", "float32") });
    expect(read(file(entries)).otherKeys).toEqual(["what", "type"]);
  });

  test("data of training runs is passed over", () => {
    const metric = call(
      "numpy._core.multiarray",
      "scalar",
      call("numpy", "dtype", "f8"),
      call("_codecs", "encode", "x", "latin1"),
    );
    const odd: Record<string, Py> = {
      metric: { build: metric, state: tuple(3, "<", null) },
      seen: call("builtins", "set", list(1, 2)),
      counts: { fill: call("collections", "defaultdict", name("builtins", "list")), entries: [["a", 1]] },
      device: call("torch", "device", "cuda", 0),
      sizes: call("torch", "Size", tuple(2, 3)),
    };
    expect(read(file(dict({ ...odd, model: dict({ weight }) }))).otherKeys).toEqual(Object.keys(odd));
  });
});

describe("pickles", () => {
  // [d, d] with an OrderedDict of a list, tuples, a set, bytes and integers, written by CPython.
  test.each([
    [
      2,
      "gAJdcQAoY2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnEBKVJxAihYAQAAAGFxA11xBChLAUdABAAAAAAAAIhOWAQAAAB0ZXh0cQVlWAEAAABicQYoSwFLAksDSwR0cQdYAQAAAGNxCGNfX2J1aWx0aW5fXwpzZXQKcQldcQooSwFLAmWFcQtScQxYAQAAAGRxDWNfY29kZWNzCmVuY29kZQpxDlgCAAAAeHlxD1gGAAAAbGF0aW4xcRCGcRFScRJYAQAAAGVxE0r7////WAEAAABmcRSKCQAAAAAAAAAAQFgBAAAAZ3EVaAEpUnEWKFgBAAAAenEXSwFYAQAAAHlxGEsCdXVoAmUu",
    ],
    [
      4,
      "gASVmQAAAAAAAABdlCiMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpQojAFhlF2UKEsBR0AEAAAAAAAAiE6MBHRleHSUZYwBYpQoSwFLAksDSwR0lIwBY5SPlChLAUsCkIwBZJRDAnh5lIwBZZRK+////4wBZpSKCQAAAAAAAAAAQIwBZ5RoAylSlCiMAXqUSwGMAXmUSwJ1dWgEZS4=",
    ],
    [
      5,
      "gAWVmQAAAAAAAABdlCiMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpQojAFhlF2UKEsBR0AEAAAAAAAAiE6MBHRleHSUZYwBYpQoSwFLAksDSwR0lIwBY5SPlChLAUsCkIwBZJRDAnh5lIwBZZRK+////4wBZpSKCQAAAAAAAAAAQIwBZ5RoAylSlCiMAXqUSwGMAXmUSwJ1dWgEZS4=",
    ],
  ])("of protocol %i", (_, text) => {
    const data = Buffer.from(text, "base64");
    expect(refusal(zip([["a/data.pkl", data]]))).toBe("it holds a list, not a dictionary of tensors");
  });

  test("the order of keys is that of the file; a later value takes the first one's place", () => {
    const keys = ["b", "10", "a", "2", "__proto__", "", "a"];
    const root = ordered(keys.map((key) => [key, weight]));
    expect([...read(file(root)).tensors.keys()]).toEqual(["b", "10", "a", "2", "__proto__", ""]);
    const old = call("collections", "OrderedDict", list(...keys.slice(0, 5).map((key) => list(key, weight))));
    expect([...read(file(old)).tensors.keys()]).toEqual(keys.slice(0, 5));
  });

  test.each<readonly [string, Py, RegExp]>([
    ["an unknown opcode", raw(0x82), /opcode 0x82/],
    ["an opcode of protocol 0", raw(0x70), /opcode `p` \(0x70\)/],
    ["an empty stack", raw(0x85), /empty stack/],
    ["a mark that is not there", raw(0x74), /a mark that was not set/],
    ["a value below a mark", raw(0x4e, 0x28, 0x85), /empty stack/],
    ["a memo entry that is not there", raw(0x68, 7), /recalls entry 7/],
    ["values left over", raw(0x4e, 0x4e), /values left over/],
    ["a text past the end", raw(0x58, 0xff, 0, 0, 0), /is truncated/],
    ["a huge text", raw(0x58, 0xff, 0xff, 0xff, 0x7f), /a text of 2147483647 bytes/],
    ["a text of 2^63 bytes", raw(0x8d, 0, 0, 0, 0, 0, 0, 0, 0x80), /is 2\^53 or more/],
    ["a text that is not UTF-8", raw(0x58, 1, 0, 0, 0, 0xff), /not UTF-8/],
    ["a huge integer", raw(0x8a, 200), /an integer of 200 bytes/],
    ["a key without a value", raw(0x7d, 0x28, 0x4e, 0x75), /a key without a value/],
    ["items of a number", raw(0x4b, 1, 0x4e, 0x4e, 0x73), /sets items of a number/],
    ["an item of a dictionary", raw(0x7d, 0x4e, 0x61), /appends to a dict/],
    ["the state of a tensor", { build: weight, state: dict({}) }, /sets the state of a tensor/],
    [
      "a whole module",
      { pid: ["module", name("models", "Net"), "net.py", "class Net: ..."] },
      /whole pickled module, models\.Net/,
    ],
  ])("%s is refused", (_, root, rule) => expect(refusal(file(root))).toMatch(rule));
});

describe("tensors", () => {
  test("any view is read by its strides", () => {
    const view = fc
      .record({ shape: fc.array(fc.nat({ max: 4 }), { maxLength: 4 }), offset: fc.nat({ max: 5 }) })
      .chain(({ shape, offset }) =>
        fc.tuple(...shape.map(() => fc.nat({ max: 6 }))).map((strides) => ({ shape, offset, strides: [...strides] })),
      );
    fc.assert(
      fc.property(view, fc.constantFrom("zip", "legacy", "big"), ({ shape, strides, offset }, layout) => {
        const last = offset + shape.reduce((sum, n, i) => sum + Math.max(0, n - 1) * (strides[i] ?? 0), 0);
        const numbers = Array.from({ length: last + 1 }, (_, i) => i + 0.5);
        const storage = floats(...numbers);
        if (layout === "big") Buffer.from(storage.bytes.buffer).swap32();
        const views = new PthWriter({ k: storage }, layout === "legacy" ? "legacy" : "zip");
        const root = dict({ t: views.tensor({ storage: "k", shape, strides, offset }) });
        let wanted = [offset];
        for (const [d, n] of shape.entries()) {
          wanted = wanted.flatMap((at) => Array.from({ length: n }, (_, i) => at + i * (strides[d] ?? 0)));
        }
        const bytes = views.file(root, layout === "big" ? { byteorder: "big" } : {});
        expect(values(bytes, "t")).toEqual(wanted.map((at) => at + 0.5));
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ["DoubleStorage", 8, "f64"],
    ["FloatStorage", 4, "f32"],
    ["HalfStorage", 2, "f16"],
    ["BFloat16Storage", 2, "bf16"],
    ["LongStorage", 8, "i64"],
    ["IntStorage", 4, "i32"],
    ["ShortStorage", 2, "i16"],
    ["CharStorage", 1, "i8"],
    ["ByteStorage", 1, "u8"],
    ["BoolStorage", 1, "bool"],
  ])("%s", (type, width, dtype) => {
    const bytes = Uint8Array.from({ length: 6 * width }, (_, i) => i);
    for (const layout of ["zip", "legacy"] as const) {
      const one = new PthWriter({ s: { type, width, bytes } }, layout);
      const plain = one.tensor({ storage: "s", shape: [2, 3] });
      const turned = one.tensor({ storage: "s", shape: [3, 2], strides: [1, 3] });
      const { tensors } = read(one.file(dict({ plain, turned })));
      expect(tensors.get("plain")).toMatchObject({ dtype, shape: [2, 3] });
      expect(tensors.get("plain")?.read()).toEqual(bytes);
      const element = (i: number): number[] => [...bytes.subarray(i * width, (i + 1) * width)];
      expect([...(tensors.get("turned")?.read() ?? [])]).toEqual([0, 3, 1, 4, 2, 5].flatMap(element));
    }
  });

  test("types without a storage class of their own lie in untyped storages", () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
    const one = new PthWriter({ u: { type: "UntypedStorage", width: 1, bytes } });
    const typed = (type: string, shape: readonly number[], offset = 0): Py =>
      call(
        "torch._utils",
        "_rebuild_tensor_v3",
        one.storage("u"),
        offset,
        tuple(...shape),
        tuple(...rowMajor(shape)),
        false,
        hooks,
        name("torch", type),
      );
    const root = dict({
      a: typed("uint16", [2], 1),
      b: typed("float8_e4m3fn", [4]),
      c: typed("uint64", [2]),
      d: typed("uint32", [4]),
    });
    const { tensors } = read(one.file(root));
    expect([...tensors.values()].map(({ dtype }) => dtype)).toEqual(["u16", "f8_e4m3", "u64", "u32"]);
    expect([...(tensors.get("a")?.read() ?? [])]).toEqual([2, 3, 4, 5]);
    expect(refusal(one.file(dict({ a: typed("uint16", [8], 1) })))).toMatch(/reaches element 8 of a storage of 8/);
    expect(refusal(one.file(dict({ a: typed("qint8", [1]) })))).toMatch(/torch\.qint8, which is not known/);
    expect(refusal(one.file(dict({ a: one.tensor({ storage: "u", shape: [1] }) })))).toMatch(/no element type/);
  });

  test("complex tensors are listed, and refused by name when read", () => {
    for (const [type, width, dtype] of [
      ["ComplexFloatStorage", 8, "c64"],
      ["ComplexDoubleStorage", 16, "c128"],
    ] as const) {
      const one = new PthWriter({ c: { type, width, bytes: new Uint8Array(2 * width) } });
      const data = read(one.file(dict({ c: one.tensor({ storage: "c", shape: [2] }) }))).tensors.get("c");
      expect(data).toMatchObject({ dtype, shape: [2] });
      expect(() => data?.read()).toThrow(`a parameter cannot be loaded from ${dtype}[2]`);
    }
  });

  test("subclasses are their data; quantised, sparse and meta tensors are refused by key", () => {
    const view = tuple(writer.storage("0"), 0, tuple(6), tuple(1), false, hooks);
    const own = call(
      "torch._tensor",
      "_rebuild_from_type_v2",
      name("torch._utils", "_rebuild_tensor_v2"),
      name("mine", "Tensor"),
      view,
      null,
    );
    expect(values(file(dict({ own })), "own")).toEqual([1, 2, 3, 4, 5, 6]);
    for (const kind of ["qtensor", "sparse_tensor", "meta_tensor_no_storage"]) {
      expect(refusal(file(dict({ weight, odd: call("torch._utils", `_rebuild_${kind}`, 1) })))).toMatch(
        /^odd: it is a .*tensor/,
      );
    }
  });

  const view = (offset: Py, shape: Py, strides: Py, storage = writer.storage("0")): Py =>
    dict({ t: call("torch._utils", "_rebuild_tensor_v2", storage, offset, shape, strides, false, hooks) });
  test.each<readonly [string, Py, RegExp]>([
    ["one element too many", view(1, tuple(6), tuple(1)), /reaches element 6 of a storage of 6/],
    ["a stride past the end", view(0, tuple(2, 2), tuple(5, 1)), /strides \[5, 1\] .* reaches element 6/],
    ["a negative offset", view(-1, tuple(1), tuple(1)), /offset is -1, not a natural/],
    ["a negative stride", view(5, tuple(2), tuple(-1)), /strides is -1/],
    ["a negative size", view(0, tuple(-2), tuple(1)), /shape is -2/],
    ["a fraction", view(0.5, tuple(1), tuple(1)), /offset is 0\.5/],
    ["a huge product", view(0, tuple(2 ** 40, 2 ** 40), tuple(0, 0)), /2\^53 bytes or more/],
    ["a repeated element", view(0, tuple(2 ** 40), tuple(0)), /repeats the 6 elements .* too often/],
    ["other ranks", view(0, tuple(2, 3), tuple(1)), /2 dimensions and 1 strides/],
    ["many dimensions", view(0, tuple(...Array.from({ length: 65 }, () => 1)), tuple()), /65 dimensions/],
    ["a list as shape", view(0, list(6), tuple(1)), /shape is a list instead of a tuple/],
    ["no storage", view(0, tuple(6), tuple(1), 3), /storage is a number/],
    ["nothing", dict({ t: call("torch._utils", "_rebuild_tensor_v2") }), /storage is None/],
    [
      "a quantised storage",
      view(0, tuple(6), tuple(1), { pid: ["storage", name("torch", "QInt8Storage"), "0", "cpu", 6] }),
      /class torch\.QInt8Storage cannot be read/,
    ],
    [
      "a storage without bytes",
      view(0, tuple(6), tuple(1), { pid: ["storage", name("torch", "FloatStorage"), "9", "cpu", 6] }),
      /no member archive\/data\/9/,
    ],
    [
      "a larger storage",
      view(0, tuple(7), tuple(1), { pid: ["storage", name("torch", "FloatStorage"), "0", "cpu", 7] }),
      /7 x f32 needs 28 bytes and holds 24/,
    ],
    [
      "a storage of two types",
      list(writer.storage("0"), { pid: ["storage", name("torch", "IntStorage"), "0", "cpu", 6] }),
      /described as 6 x f32 and as 6 x i32/,
    ],
    [
      "a key with a path",
      view(0, tuple(6), tuple(1), { pid: ["storage", name("torch", "FloatStorage"), "../data/0", "cpu", 6] }),
      /no member/,
    ],
  ])("%s is refused", (_, root, rule) => expect(refusal(file(root))).toMatch(rule));
});

test("a storage that nothing reads costs nothing", () => {
  const large: Storage = { type: "ByteStorage", width: 1, bytes: new Uint8Array(1 << 20) };
  const both = new PthWriter({ 0: six, 1: large });
  const view = both.tensor({ storage: "1", shape: [2], offset: 1 << 19 });
  expect(
    read(both.file(dict({ view })))
      .tensors.get("view")
      ?.read(),
  ).toHaveLength(2);
});
