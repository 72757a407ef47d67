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

describe("nesting", () => {
  const other = call("torch._utils", "_rebuild_tensor_v2", writer.storage("0"), 5, tuple(), tuple(), false, hooks);
  test.each<readonly [string, Record<string, Py>, string | undefined]>([
    [
      "averaged weights before the last",
      { model: dict({ a: other }), state_dict: dict({ a: other }), state_dict_ema: dict({ a: weight }) },
      "state_dict_ema",
    ],
    [
      "averaged weights that are None",
      { state_dict_ema: null, model_ema: dict({ a: weight }), model: dict({ a: other }) },
      "model_ema",
    ],
    ["state_dict before model", { model: dict({ a: other }), state_dict: dict({ a: weight }) }, "state_dict"],
    ["model", { a: other, model: dict({ a: weight }) }, "model"],
    ["no nesting", { a: weight, epoch: 3 }, undefined],
  ])("%s", (_, entries, nesting) => {
    const found = read(file(dict(entries)));
    expect(found.nesting).toBe(nesting);
    expect(found.tensors.get("a")?.shape).toEqual([2, 3]);
  });

  test("one `module.` and then one `_orig_mod.` are taken off", () => {
    const keys = ["module._orig_mod.a", "_orig_mod.module.b", "module.module.c", "d.module.e", "moduled"];
    const found = read(file(ordered(keys.map((key) => [key, weight]))));
    expect([...found.tensors.keys()]).toEqual(["a", "module.b", "module.c", "d.module.e", "moduled"]);
    expect(
      refusal(
        file(
          ordered([
            ["a", weight],
            ["module.a", weight],
          ]),
        ),
      ),
    ).toMatch(/^a: two entries have this name/);
  });

  test.each<readonly [string, Py, RegExp]>([
    ["a list", list(weight), /holds a list, not a dictionary/],
    ["a tensor", weight, /holds a tensor/],
    ["a state_dict of another kind", dict({ state_dict: weight }), /entry state_dict is a tensor/],
    ["a state_dict that is None", dict({ state_dict: null }), /entry state_dict is None/],
    ["no tensors", dict({ epoch: 1, args: dict({ lr: 1 }) }), /no tensors; its keys: epoch, args/],
  ])("%s is refused", (_, root, rule) => expect(refusal(file(root))).toMatch(rule));
});

describe("dictionaries within dictionaries", () => {
  const keys = (root: Py): string[] => [...read(file(root)).tensors.keys()];

  test("have their keys joined by dots where none is a tensor itself", () => {
    const network = dict({ "module.a": weight, steps: 3 });
    expect(keys(dict({ encoder: network, predictor: dict({ b: weight }), epoch: 3 }))).toEqual([
      "encoder.module.a",
      "predictor.b",
    ]);
    const classy = dict({
      base_model: dict({ model: dict({ trunk: network, heads: dict({ "0": dict({ b: weight }) }) }) }),
    });
    const at = "classy_state_dict.base_model.model";
    expect(keys(dict({ classy_state_dict: classy }))).toEqual([`${at}.trunk.module.a`, `${at}.heads.0.b`]);
    expect(keys(dict({ state_dict: dict({ encoder: network }) }))).toEqual(["encoder.module.a"]);
    expect(keys(dict({ a: weight, ema: network }))).toEqual(["a"]);
  });

  test("that an optimizer numbers are left out", () => {
    const state: Py = { dict: [[0, dict({ exp_avg: weight })]] };
    const root = dict({
      teacher: dict({ "backbone.a": weight }),
      optimizer: dict({ state, groups: list(dict({ weight })) }),
    });
    expect(keys(root)).toEqual(["teacher.backbone.a"]);
  });

  test.each<readonly [string, Record<string, Py>, string]>([
    ["model_state", { epoch: 3, model_state: dict({ a: weight }), cfg: "x" }, "model_state"],
    ["module", { module: dict({ "module.a": weight }), optimizer: dict({}) }, "module"],
    ["module within model", { model: dict({ module: dict({ a: weight }) }) }, "model.module"],
  ])("%s is taken off, as filters of timm do", (_, entries, nesting) => {
    const found = read(file(dict(entries)));
    expect(found.nesting).toBe(nesting);
    expect([...found.tensors.keys()]).toEqual(["a"]);
  });

  test("are refused where two keys become one, and searched to a bounded depth and count", () => {
    expect(refusal(file(dict({ a: dict({ "b.c": weight }), "a.b": dict({ c: weight }) })))).toMatch(
      /^a\.b\.c: two entries have this name once their dictionaries are joined/,
    );
    const nested = (depth: number): Py => (depth === 0 ? weight : dict({ k: nested(depth - 1) }));
    expect(keys(nested(8))).toEqual(["k.k.k.k.k.k.k.k"]);
    expect(refusal(file(nested(9)))).toMatch(/no tensors/);
    const wide = (item: Py): Py => dict(Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`k${i}`, item])));
    expect(refusal(file(wide(wide(null))))).toMatch(/dictionaries hold more than 200000 entries/);
  });
});

describe("zip archives", () => {
  const data = pickle(dict({ weight }));
  const members: (readonly [string, Uint8Array])[] = [
    ["a/data.pkl", data],
    ["a/data/0", six.bytes],
  ];

  test("ZIP64 records, comments, folders and other files of torch", () => {
    const more = [
      ["a/data/", new Uint8Array()],
      ["a/.format_version", Buffer.from("1")],
      ["a/.data/serialization_id", data],
    ] as const;
    const archive = zip([...members, ...more], { wide: true, comment: "PK\u0005\u0006 and more" });
    expect(values(archive, "weight")).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("an archive around one plain file is opened, once", () => {
    const once = zip([["folder/weights.pth", zip(members)]]);
    expect(values(once, "weight")).toEqual([1, 2, 3, 4, 5, 6]);
    expect(refusal(zip([["weights.pth", once]]))).toMatch(/no folder\/data\.pkl/);
  });

  test.each<readonly [string, () => Uint8Array, RegExp]>([
    ["compressed members", () => zip(members, { method: 8 }), /a\/data\.pkl is compressed \(method 8\)/],
    ["encrypted members", () => zip(members, { flags: 1 }), /is encrypted/],
    ["two members of one name", () => zip([...members, ["a/data/0", six.bytes]]), /two members a\/data\/0/],
    ["a way up", () => zip([...members, ["a/../../x", data]]), /a\/\.\.\/\.\.\/x leaves the archive's folder/],
    ["an absolute name", () => zip([...members, ["/etc/passwd", data]]), /leaves the archive's folder/],
    ["a drive", () => zip([...members, ["C:x", data]]), /leaves the archive's folder/],
    ["a backslash", () => zip([...members, ["a\\x", data]]), /leaves the archive's folder/],
    ["members of two folders", () => zip([...members, ["b/data/1", data]]), /do not lie in one folder/],
    [
      "TorchScript",
      () => zip([...members, ["a/constants.pkl", data]]),
      /TorchScript program \(it has a\/constants\.pkl\)/,
    ],
    ["TorchScript code", () => zip([...members, ["a/code/__torch__.py", data]]), /TorchScript/],
    [
      "an archive of something else",
      () =>
        zip([
          ["x/a.npy", data],
          ["x/b.npy", data],
        ]),
      /no x\/data\.pkl: torch did not write it/,
    ],
    ["an empty archive", () => zip([]), /is empty/],
    ["another byte order", () => zip([...members, ["a/byteorder", Buffer.from("middle")]]), /byte order is "middle"/],
    [
      "a short storage",
      () =>
        zip([
          ["a/data.pkl", data],
          ["a/data/0", six.bytes.subarray(1)],
        ]),
      /needs 24 bytes and holds 23/,
    ],
    ["a truncated archive", () => zip(members).subarray(0, -1), /truncated/],
  ])("%s: refused", (_, archive, rule) => expect(refusal(archive())).toMatch(rule));

  test("every prefix of a file is refused", () => {
    for (const bytes of [zip(members), legacy.file(dict({ a: legacy.tensor({ storage: "0", shape: [6] }) }))]) {
      for (let n = 0; n < bytes.length; n++) expect(refusal(bytes.subarray(0, n))).not.toBe("no refusal");
    }
  });
});

describe("files of other kinds", () => {
  const tar = Buffer.alloc(1024);
  tar.write("storages", 0);
  tar.write("ustar", 257);
  test.each<readonly [string, Uint8Array, RegExp]>([
    ["tar", tar, /a tar archive, torch's format before 0\.1\.10/],
    ["nothing", new Uint8Array(), /the file is empty/],
    ["a web page", Buffer.from("\n<!DOCTYPE html>"), /a web page/],
    ["a Git LFS pointer", Buffer.from("version https://git-lfs.github.com/spec/v1"), /a Git LFS pointer/],
    ["safetensors", Buffer.from('\u0002\0\0\0\0\0\0\0{"a":{}}', "latin1"), /a safetensors file/],
    [
      "anything",
      Buffer.from("\u0001\u001b[31mPK"),
      /neither a zip archive nor a pickle; it begins with "\\u0001\\u001b\[31mPK"/,
    ],
    ["another pickle", pickle(dict({ a: 1 })), /a pickle of a dict, not a checkpoint that torch\.save wrote/],
  ])("%s", (_, bytes, rule) => expect(refusal(bytes)).toMatch(rule));
});

describe("legacy files", () => {
  const id = (view: Py, key = "0", count = 6): Py => ({
    pid: ["storage", name("torch", "FloatStorage"), key, "cpu", count, view],
  });
  const tensor = (storage: Py, size: number): Py =>
    dict({ t: call("torch._utils", "_rebuild_tensor", storage, 0, tuple(size), tuple(1)) });

  test("views of a storage", () => {
    expect(values(legacy.file(tensor(id(tuple("7", 2, 3)), 3)), "t")).toEqual([3, 4, 5]);
    expect(refusal(legacy.file(tensor(id(tuple("7", 2, 3)), 4)))).toMatch(/reaches element 3 of a storage of 3/);
    expect(refusal(legacy.file(tensor(id(tuple("7", 4, 3)), 1)))).toMatch(/reaches element 7 of 6/);
  });

  test.each<readonly [string, () => Uint8Array, RegExp]>([
    [
      "a storage that is not listed",
      () => legacy.file(tensor(id(null, "1"), 1)),
      /list of storages names one that no tensor/,
    ],
    ["another element count", () => legacy.file(tensor(id(null, "0", 5), 1)), /5 x f32 needs 20 bytes and holds 24/],
    [
      "missing storages",
      () => new PthWriter({}, "legacy").file(tensor(id(null), 1)),
      /bytes of storage "0" are missing/,
    ],
    ["a cut storage", () => legacy.file(tensor(id(null), 1)).subarray(0, -1), /truncated/],
  ])("%s is refused", (_, bytes, rule) => expect(refusal(bytes())).toMatch(rule));
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
