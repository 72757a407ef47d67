import { describe, expect, test } from "vitest";
import { viewAs } from "../../../../src/ir/bytes.ts";
import { read, refusal } from "./memory.ts";
import { PthWriter, type Py, call, dict, floats, name, pickle, tuple, zip } from "./write-pth.ts";

const six = floats(1, 2, 3, 4, 5, 6);
const legacy = new PthWriter({ 0: six }, "legacy");
const weight = new PthWriter({ 0: six }).tensor({ storage: "0", shape: [2, 3] });

const values = (bytes: Uint8Array, key: string): number[] => [
  ...viewAs(read(bytes).tensors.get(key)?.read() ?? expect.fail(key), Float32Array),
];

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
