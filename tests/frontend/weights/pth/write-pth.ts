/** A Python object, as far as checkpoints need it. */
export type Py =
  | null
  | boolean
  | number
  | string
  | { readonly tuple: readonly Py[] }
  | { readonly list: readonly Py[] }
  | { readonly dict: readonly (readonly [Py, Py])[] }
  | { readonly name: readonly [module: string, name: string] }
  | { readonly call: Py; readonly args: readonly Py[] }
  | { readonly fill: Py; readonly entries: readonly (readonly [Py, Py])[] }
  | { readonly build: Py; readonly state: Py }
  | { readonly pid: readonly Py[] }
  | { readonly raw: Uint8Array };

export const name = (module: string, text: string): Py => ({ name: [module, text] });
export const tuple = (...items: readonly Py[]): Py => ({ tuple: items });
export const list = (...items: readonly Py[]): Py => ({ list: items });
export const dict = (entries: Readonly<Record<string, Py>>): Py => ({ dict: Object.entries(entries) });
export const call = (module: string, text: string, ...args: readonly Py[]): Py => ({ call: name(module, text), args });
/** An OrderedDict with the `_metadata` that a module's state dict has. */
export const ordered = (entries: readonly (readonly [Py, Py])[]): Py => ({
  build: { fill: call("collections", "OrderedDict"), entries },
  state: dict({ _metadata: dict({ "": dict({ version: 1 }) }) }),
});
export const raw = (...bytes: readonly number[]): Py => ({ raw: Uint8Array.from(bytes) });

/** Protocol 2, as torch.save writes, without memo. */
export const pickle = (value: Py): Buffer => Buffer.concat([Buffer.of(0x80, 2), opcodes(value), Buffer.from(".")]);

/** The opcodes that leave the value on the stack. */
export function opcodes(value: Py): Buffer {
  const join = (...parts: readonly (string | Buffer)[]): Buffer =>
    Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : part)));
  const all = (items: readonly Py[]): Buffer => Buffer.concat(items.map(opcodes));
  if (value === null) return join("N");
  if (typeof value === "boolean") return Buffer.of(value ? 0x88 : 0x89);
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return join("X", uint32(Buffer.byteLength(value)), Buffer.from(value));
  if ("tuple" in value) return join("(", all(value.tuple), "t");
  if ("list" in value) return join("](", all(value.list), "e");
  if ("dict" in value) return join("}(", all(value.dict.flat()), "u");
  if ("name" in value) return join(`c${value.name[0]}\n${value.name[1]}\n`);
  if ("call" in value) return join(opcodes(value.call), opcodes({ tuple: value.args }), "R");
  if ("fill" in value) return join(opcodes(value.fill), "(", all(value.entries.flat()), "u");
  if ("build" in value) return join(opcodes(value.build), opcodes(value.state), "b");
  if ("pid" in value) return join(opcodes({ tuple: value.pid }), "Q");
  return Buffer.from(value.raw);
}

function number(value: number): Buffer {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) {
    const bytes = Buffer.from("J0000");
    bytes.writeInt32LE(value, 1);
    return bytes;
  }
  const bytes = Buffer.alloc(Number.isInteger(value) ? 10 : 9);
  if (Number.isInteger(value)) {
    bytes.set([0x8a, 8]);
    bytes.writeBigInt64LE(BigInt(value), 2);
  } else {
    bytes.set([0x47]);
    bytes.writeDoubleBE(value, 1);
  }
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A storage's class by torch's name, and its bytes. */
export interface Storage {
  readonly type: string;
  readonly width: number;
  readonly bytes: Uint8Array;
}

export interface View {
  /** Key of the storage. */
  readonly storage: string;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
  readonly offset?: number;
}

export const rowMajor = (shape: readonly number[]): number[] =>
  shape.map((_, i) => shape.slice(i + 1).reduce((n, d) => n * d, 1));

/** Whole files over some storages, in torch's two layouts. */
export class PthWriter {
  readonly storages: Readonly<Record<string, Storage>>;
  readonly legacy: boolean;

  constructor(storages: Readonly<Record<string, Storage>>, layout: "zip" | "legacy" = "zip") {
    this.storages = storages;
    this.legacy = layout === "legacy";
  }

  storage(key: string): Py {
    const { type, width, bytes } = this.storages[key] ?? { type: "FloatStorage", width: 4, bytes: [] };
    const module = type === "UntypedStorage" ? "torch.storage" : "torch";
    return {
      pid: ["storage", name(module, type), key, "cpu", bytes.length / width, ...(this.legacy ? [null] : [])],
    };
  }

  tensor({ storage, shape, strides = rowMajor(shape), offset = 0 }: View): Py {
    const hooks = call("collections", "OrderedDict");
    const view = [this.storage(storage), offset, tuple(...shape), tuple(...strides), false, hooks];
    return call("torch._utils", "_rebuild_tensor_v2", ...view);
  }

  file(root: Py, options: { readonly top?: string; readonly byteorder?: string } = {}): Buffer {
    return this.legacy ? this.#legacyFile(root) : this.#zipFile(root, options);
  }

  #zipFile(root: Py, { top = "archive", byteorder }: { readonly top?: string; readonly byteorder?: string }): Buffer {
    return zip([
      [`${top}/data.pkl`, pickle(root)],
      ...(byteorder === undefined ? [] : [[`${top}/byteorder`, Buffer.from(byteorder)] as const]),
      ...Object.entries(this.storages).map(([key, { bytes }]) => [`${top}/data/${key}`, bytes] as const),
      [`${top}/version`, Buffer.from("3\n")],
    ]);
  }

  #legacyFile(root: Py): Buffer {
    const magic = raw(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19);
    const facts = dict({
      protocol_version: 1001,
      little_endian: true,
      type_sizes: dict({ short: 2, int: 4, long: 4 }),
    });
    const keys = Object.keys(this.storages).sort();
    const heads = [magic, 1001, facts, root, list(...keys)].map(pickle);
    const payload = keys.flatMap((key) => {
      const { width, bytes } = this.storages[key] ?? { width: 1, bytes: new Uint8Array() };
      const count = Buffer.alloc(8);
      count.writeBigInt64LE(BigInt(bytes.length / width));
      return [count, bytes];
    });
    return Buffer.concat([...heads, ...payload]);
  }
}

export interface ZipOptions {
  readonly method?: number;
  readonly flags?: number;
  /** ZIP64 records and fields although the numbers are small. */
  readonly wide?: boolean;
  readonly comment?: string;
}

/** A zip archive as torch writes it: stored, no sizes in local headers, payloads on multiples of 64 bytes. */
export function zip(members: readonly (readonly [string, Uint8Array])[], options: ZipOptions = {}): Buffer {
  const { method = 0, flags = 0x808, wide = false, comment = "" } = options;
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  const put = (part: Uint8Array): void => {
    parts.push(Buffer.from(part));
    at += part.length;
  };
  for (const [member, bytes] of members) {
    const text = Buffer.from(member);
    const header = at;
    const pad = (64 - ((at + 30 + text.length + 4) % 64)) % 64;
    const local = Buffer.alloc(30 + text.length + 4 + pad);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(flags, 6);
    local.writeUInt16LE(method, 8);
    local.writeUInt16LE(text.length, 26);
    local.writeUInt16LE(4 + pad, 28);
    local.set(text, 30);
    local.write("FB", 30 + text.length);
    local.writeUInt16LE(pad, 32 + text.length);
    put(local);
    put(bytes);
    directory.push(centralEntry(text, bytes.length, header, { method, flags, wide }));
  }
  const central = Buffer.concat(directory);
  const begin = at;
  put(central);
  if (wide) put(end64(members.length, central.length, begin, at));
  const end = Buffer.alloc(22 + comment.length);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(wide ? 0xffff : members.length, 8);
  end.writeUInt16LE(wide ? 0xffff : members.length, 10);
  end.writeUInt32LE(wide ? 0xffffffff : central.length, 12);
  end.writeUInt32LE(wide ? 0xffffffff : begin, 16);
  end.writeUInt16LE(comment.length, 20);
  end.write(comment, 22);
  put(end);
  return Buffer.concat(parts);
}

function centralEntry(
  text: Buffer,
  size: number,
  header: number,
  { method, flags, wide }: Required<Omit<ZipOptions, "comment">>,
): Buffer {
  const extra = Buffer.alloc(wide ? 28 : 0);
  if (wide) {
    extra.writeUInt16LE(1);
    extra.writeUInt16LE(24, 2);
    for (const [i, value] of [size, size, header].entries()) extra.writeBigUInt64LE(BigInt(value), 4 + 8 * i);
  }
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50);
  entry.writeUInt16LE(flags, 8);
  entry.writeUInt16LE(method, 10);
  entry.writeUInt32LE(wide ? 0xffffffff : size, 20);
  entry.writeUInt32LE(wide ? 0xffffffff : size, 24);
  entry.writeUInt16LE(text.length, 28);
  entry.writeUInt16LE(extra.length, 30);
  entry.writeUInt32LE(wide ? 0xffffffff : header, 42);
  return Buffer.concat([entry, text, extra]);
}

function end64(entries: number, size: number, begin: number, at: number): Buffer {
  const record = Buffer.alloc(56 + 20);
  record.writeUInt32LE(0x06064b50);
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(entries), 24);
  record.writeBigUInt64LE(BigInt(entries), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(begin), 48);
  record.writeUInt32LE(0x07064b50, 56);
  record.writeBigUInt64LE(BigInt(at), 64);
  record.writeUInt32LE(1, 72);
  return record;
}

export const floats = (...values: readonly number[]): Storage => ({
  type: "FloatStorage",
  width: 4,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});
