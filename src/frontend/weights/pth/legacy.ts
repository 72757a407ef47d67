import type { RandomBytes, Refuse } from "../file.ts";
import { interpretCall } from "./calls.ts";
import { Cursor } from "./cursor.ts";
import type { LoadedPickle } from "./pickled.ts";
import { Storages } from "./storages.ts";
import { bytesHeld } from "./tensors.ts";
import { unpickle } from "./unpickle.ts";
import { type Value, describeValue } from "./values.ts";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/**
 * torch's layout before 1.6: pickles of the magic number, the protocol, facts of the writer's machine, the object and the
 * list of storage keys; then in that order each storage as an int64 element count and its bytes. Bytes are little-endian
 * whatever the machine was: its facts are passed over, as torch does.
 */
export function readLegacyCheckpoint(bytes: RandomBytes, refuse: Refuse): LoadedPickle {
  const cursor = new Cursor(bytes, refuse);
  const storages = new Storages(bytes, refuse);
  const next = (persistent: (id: Value) => Value): Value =>
    unpickle(
      cursor,
      { call: (callee, args, charge) => interpretCall(callee, args, refuse, charge), persistent },
      refuse,
    );
  const plain = (): Value => next(() => refuse("a persistent id lies outside the object"));
  const magic = plain();
  if (magic !== MAGIC) refuse(`it is a pickle of ${describeValue(magic)}, not a checkpoint that torch.save wrote`);
  const protocol = plain();
  if (protocol !== PROTOCOL)
    refuse(`its protocol is ${typeof protocol === "number" ? protocol : describeValue(protocol)}, not ${PROTOCOL}`);
  plain();
  const value = next((id) => storages.declare(id));
  placeStorages(plain(), cursor, storages, refuse);
  return { value, storages, bigEndian: false };
}

function placeStorages(keys: Value, cursor: Cursor, storages: Storages, refuse: Refuse): void {
  if (typeof keys !== "object" || keys?.kind !== "list")
    return refuse(`its list of storages is ${describeValue(keys)}`);
  const declared = new Map([...storages.declared()].map((storage) => [storage.key, storage]));
  for (const key of keys.items) {
    const storage = typeof key === "string" ? declared.get(key) : undefined;
    if (storage === undefined) return refuse("its list of storages names one that no tensor lies in, or one twice");
    declared.delete(storage.key);
    const count = cursor.u64();
    const width = storage.count === 0 ? 1 : bytesHeld(storage) / storage.count;
    storages.place(storage.key, cursor.position, count * width);
    cursor.skip(count * width);
  }
  storages.requirePlaces();
}
