import { type Refuse, type RandomBytes, shown } from "../file.ts";
import { storageDType } from "./globals.ts";
import { bytesHeld, natural } from "./tensors.ts";
import { type StorageValue, type Value, describeValue } from "./values.ts";

/** The storages of a file: what its pickle says of them, and where their bytes lie. One key is one storage, however often it is named. */
export class Storages {
  readonly #bytes: RandomBytes;
  readonly #refuse: Refuse;
  readonly #declared = new Map<string, StorageValue>();
  readonly #places = new Map<string, number>();

  constructor(bytes: RandomBytes, refuse: Refuse) {
    this.#bytes = bytes;
    this.#refuse = refuse;
  }

  /**
   * The storage of a persistent id ("storage", class, key, location, count), in legacy files with a sixth item: None or
   * (view key, offset, count). The location (a device) is of no interest.
   */
  declare(id: Value): StorageValue {
    const refuse = this.#refuse;
    const [kind, type, key, , count, view = null] = itemsOf(id) ?? refuse(`a persistent id is ${describeValue(id)}`);
    if (kind === "module")
      return refuse(`it holds a whole pickled module, ${describeValue(type ?? null)}, not a state dict`);
    if (kind !== "storage") return refuse(`a persistent id is of kind ${describeValue(kind ?? null)}, not "storage"`);
    const name = typeof type === "object" && type?.kind === "global" ? type.name : describeValue(type ?? null);
    const dtype = storageDType(name) ?? refuse(`storages of class ${shown(name)} cannot be read`);
    if (typeof key !== "string") return refuse(`a storage's key is ${describeValue(key ?? null)}`);
    const held = natural(count, "element count", refuse);
    const known = this.#declared.get(key);
    const root: StorageValue = known ?? { kind: "storage", key, dtype, begin: 0, count: held };
    if (root.dtype !== dtype || root.count !== held) {
      refuse(`storage "${shown(key)}" is described as ${root.count} x ${root.dtype} and as ${held} x ${dtype}`);
    }
    if (known === undefined) this.#declared.set(key, root);
    return view === null ? root : viewOf(root, view, refuse);
  }

  declared(): Iterable<StorageValue> {
    return this.#declared.values();
  }

  /** Says where a declared storage begins, and that `held` bytes lie there. */
  place(key: string, at: number, held: number): void {
    const refuse = this.#refuse;
    const storage = this.#declared.get(key) ?? refuse(`storage "${shown(key)}" has bytes, but nothing names it`);
    const needed = bytesHeld(storage);
    if (needed !== held) {
      refuse(`storage "${shown(key)}" of ${storage.count} x ${storage.dtype} needs ${needed} bytes and holds ${held}`);
    }
    this.#places.set(key, at);
  }

  /** Every declared storage has its bytes. */
  requirePlaces(): void {
    for (const key of this.#declared.keys()) {
      if (!this.#places.has(key)) this.#refuse(`the bytes of storage "${shown(key)}" are missing`);
    }
  }

  /** Bytes of a storage, or of the run of it that a view covers. */
  read(storage: StorageValue, begin: number, length: number): Uint8Array<ArrayBuffer> {
    const at =
      this.#places.get(storage.key) ?? this.#refuse(`the bytes of storage "${shown(storage.key)}" are missing`);
    const before = bytesHeld({ ...storage, count: storage.begin });
    return this.#bytes.read(at + before + begin, length);
  }
}

function viewOf(root: StorageValue, view: Value, refuse: Refuse): StorageValue {
  const [, offset, count] = itemsOf(view) ?? refuse(`a view of a storage is ${describeValue(view)}`);
  const begin = natural(offset, "view offset", refuse);
  const held = natural(count, "view size", refuse);
  if (begin + held > root.count) {
    refuse(`a view of storage "${shown(root.key)}" reaches element ${begin + held} of ${root.count}`);
  }
  return { ...root, begin, count: held };
}

const itemsOf = (value: Value): readonly Value[] | undefined =>
  typeof value === "object" && value?.kind === "tuple" ? value.items : undefined;
