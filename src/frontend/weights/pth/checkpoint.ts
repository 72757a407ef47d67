import { kindInWords } from "../disguise.ts";
import { type RandomBytes, type Refuse, shown } from "../file.ts";
import { type TensorData, isOpaque, printStored } from "../source.ts";
import { flattened } from "./flatten.ts";
import { readLegacyCheckpoint } from "./legacy.ts";
import type { LoadedPickle } from "./pickled.ts";
import { materialise } from "./tensors.ts";
import { type DictValue, type TensorValue, describeValue, isDict, isTensor, isUnreadable } from "./values.ts";
import { type Member, isZip, memberBytes, readZip } from "../zip.ts";
import { readZipCheckpoint } from "./zip-checkpoint.ts";

/** The state dict of a PyTorch file, as timm's `load_state_dict` finds it, but for the wrappers of its names. */
export interface Checkpoint {
  /** In the order of the file; bytes are read when asked for. */
  readonly tensors: ReadonlyMap<string, TensorData>;
  /** The keys that the state dict lies under, joined by dots. */
  readonly nesting: string | undefined;
  /** The other keys of the outer dictionary. */
  readonly otherKeys: readonly string[];
  /** Entries of the state dict that are no tensors. */
  readonly skipped: readonly string[];
}

/** In timm's order: averaged weights before the last ones. */
const nestings = ["state_dict_ema", "model_ema", "state_dict", "model"] as const;
/** What filters of single families of timm take off besides, where there is nothing else to read. */
const filtered = ["model", "state_dict", "model_state", "module"] as const;

/**
 * Reads the structure of a PyTorch file, of any layout, and no numbers. Nothing in it is run: a pickle that calls
 * anything beyond the allow-list is refused, wherever in the file it does.
 */
export function readCheckpoint(bytes: RandomBytes, refuse: Refuse): Checkpoint {
  const loaded = load(bytes, refuse, true);
  const { value } = loaded;
  if (!isDict(value)) return refuse(`it holds ${describeValue(value)}, not a dictionary of tensors`);
  const nesting = nestings.find(
    (key) => value.entries.has(key) && (key.endsWith("_ema") ? value.entries.get(key) !== null : true),
  );
  const inner = nesting === undefined ? value : value.entries.get(nesting);
  if (!isDict(inner))
    return refuse(`its entry ${nesting} is ${describeValue(inner ?? null)}, not a dictionary of tensors`);
  const { dict, path } = innermost(inner, nesting === undefined ? [] : [nesting]);
  const otherKeys = path.length === 0 ? [] : textKeys(value).filter((key) => key !== path[0]);
  const names = hasTensors(dict) ? undefined : flattened(dict, refuse);
  const state = names === undefined || names.entries.size === 0 ? dict : names;
  return { nesting: path.length === 0 ? undefined : path.join("."), otherKeys, ...stateDict(state, loaded, refuse) };
}

/** Goes on into dictionaries that filters take off, while there are no tensors. */
function innermost(dict: DictValue, path: readonly string[]): { dict: DictValue; path: readonly string[] } {
  if (path.length > filtered.length || hasTensors(dict)) return { dict, path };
  const key = filtered.find((name) => isDict(dict.entries.get(name)));
  const inner = key === undefined ? undefined : dict.entries.get(key);
  return key !== undefined && isDict(inner) ? innermost(inner, [...path, key]) : { dict, path };
}

const hasTensors = (dict: DictValue): boolean =>
  [...dict.entries.values()].some((value) => isTensor(value) || isUnreadable(value));

function load(bytes: RandomBytes, refuse: Refuse, mayUnwrap: boolean): LoadedPickle {
  const head = bytes.read(0, Math.min(bytes.size, 512));
  if (isZip(head)) {
    const members = readZip(bytes, refuse);
    const wrapped = mayUnwrap ? wrappedFile(members) : undefined;
    return wrapped === undefined
      ? readZipCheckpoint(bytes, members, refuse)
      : load(memberBytes(bytes, wrapped), refuse, false);
  }
  if (head[0] === 0x80) return readLegacyCheckpoint(bytes, refuse);
  return refuse(foreignFile(head));
}

/** Very old files of the Hub are zip archives around one plain checkpoint. */
function wrappedFile(members: ReadonlyMap<string, Member>): Member | undefined {
  const [[name, member] = ["", undefined], ...rest] = members;
  return rest.length === 0 && !name.endsWith("/data.pkl") ? member : undefined;
}

/** What a file that is no checkpoint looks like. */
function foreignFile(head: Uint8Array): string {
  const text = Buffer.from(head).toString("latin1");
  if (text.slice(257, 262) === "ustar") return "it is a tar archive, torch's format before 0.1.10, which is not read";
  if (head.length === 0) return "the file is empty";
  const kind = kindInWords(head);
  if (kind !== undefined) return `it is ${kind}`;
  return `it is neither a zip archive nor a pickle; it begins with "${shown(text.slice(0, 16))}"`;
}

function stateDict(dict: DictValue, loaded: LoadedPickle, refuse: Refuse): Pick<Checkpoint, "tensors" | "skipped"> {
  const tensors = new Map<string, TensorData>();
  const skipped: string[] = [];
  for (const [key, value] of dict.entries) {
    if (typeof key === "string" && isTensor(value)) tensors.set(key, tensorData(key, value, loaded, refuse));
    else if (isUnreadable(value)) refuse(`it is ${value.what}, which weights are not read from`, shown(String(key)));
    else skipped.push(typeof key === "string" ? key : describeValue(key));
  }
  if (tensors.size === 0) {
    refuse(`it holds no tensors; its keys: ${skipped.slice(0, 8).map(shown).join(", ") || "none"}`);
  }
  return { tensors, skipped };
}

function tensorData(
  name: string,
  tensor: TensorValue,
  { storages, bigEndian }: LoadedPickle,
  refuse: Refuse,
): TensorData {
  const { dtype, shape } = tensor;
  return {
    dtype,
    shape,
    read: () =>
      isOpaque(dtype)
        ? refuse(`a parameter cannot be loaded from ${printStored(tensor)}`, name)
        : materialise(tensor, (begin, length) => storages.read(tensor.storage, begin, length), bigEndian),
  };
}

const textKeys = (dict: DictValue): string[] =>
  [...dict.entries.keys()].map((key) => (typeof key === "string" ? key : describeValue(key)));
