import { type RandomBytes, type Refuse, partOf, shown } from "./file.ts";

/** Where the bytes of a member lie in the archive. */
export interface Member {
  readonly begin: number;
  readonly size: number;
  /** Its bytes once inflated; undefined where it is stored as it is. */
  readonly inflated: number | undefined;
}

/** How members may be packed; torch stores all of its own. */
type Packing = "stored" | "stored or deflated";

/** No deflated stream grows by more. */
const MAX_INFLATION = 1032;
/** A checkpoint of 10,000 tensors takes less than 1 MB of directory. */
const MAX_DIRECTORY = 1 << 26;
const MAX_MEMBERS = 200_000;
const END_BYTES = 22;
const END_SIGNATURE = 0x06054b50;
const END64_LOCATOR_SIGNATURE = 0x07064b50;
const END64_SIGNATURE = 0x06064b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const DEFLATED = 8;
const ESCAPED32 = 0xffffffff;
const ESCAPED16 = 0xffff;

export const isZip = (head: Uint8Array): boolean =>
  head[0] === 0x50 && head[1] === 0x4b && (head[2] === 3 || head[2] === 5) && head[3] === head[2] + 1;

/**
 * The members of a zip archive by name, in the order of its central directory, which alone tells their sizes (torch
 * leaves them out of the local headers). Members must be packed as `packing` allows, named once, inside the archive's
 * folder, and must not overlap. Checksums are not compared: torch can be told to write none.
 */
export function readZip(bytes: RandomBytes, refuse: Refuse, packing: Packing = "stored"): ReadonlyMap<string, Member> {
  const end = findEnd(bytes, refuse);
  const entries = readDirectory(bytes, end, packing, refuse);
  const members = new Map<string, Member>();
  let reached = 0;
  for (const entry of [...entries].sort((a, b) => a.header - b.header)) {
    if (entry.header < reached) refuse(`zip member ${shown(entry.name)} overlaps the one before it`);
    const begin = dataStart(bytes, entry, end.offset, refuse);
    reached = begin + entry.size;
    if (reached > end.offset) refuse(`zip member ${shown(entry.name)} reaches into the directory: the file is damaged`);
    members.set(entry.name, { begin, size: entry.size, inflated: entry.inflated });
  }
  return members;
}

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly entries: number;
}

interface Entry extends Member {
  readonly name: string;
  /** Position of the local header. */
  readonly header: number;
  readonly method: number;
}

const viewAt = (bytes: RandomBytes, at: number, length: number): DataView =>
  new DataView(bytes.read(at, length).buffer);

/** The end record lies in the last 64 KiB, before a comment that names its own length. */
function findEnd(bytes: RandomBytes, refuse: Refuse): Directory {
  const from = Math.max(0, bytes.size - END_BYTES - 0xffff);
  const tail = viewAt(bytes, from, bytes.size - from);
  for (let at = tail.byteLength - END_BYTES; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END_SIGNATURE) continue;
    if (at + END_BYTES + tail.getUint16(at + 20, true) !== tail.byteLength) continue;
    return endRecord(bytes, tail, at, from, refuse);
  }
  return refuse("the zip archive has no end record: the file is truncated");
}

function endRecord(bytes: RandomBytes, tail: DataView, at: number, from: number, refuse: Refuse): Directory {
  const small = {
    entries: tail.getUint16(at + 10, true),
    size: tail.getUint32(at + 12, true),
    offset: tail.getUint32(at + 16, true),
  };
  const escaped = small.entries === ESCAPED16 || small.size === ESCAPED32 || small.offset === ESCAPED32;
  const locator = from + at - 20;
  const directory = escaped ? endRecord64(bytes, locator, refuse) : small;
  if (!escaped && tail.getUint32(at + 4, true) !== 0) refuse("the zip archive is one of several volumes");
  const { offset, size, entries } = directory;
  if (offset + size > from + at) refuse("the directory of the zip archive lies outside the file: it is damaged");
  if (size > MAX_DIRECTORY || entries > MAX_MEMBERS) {
    refuse(
      `the directory of the zip archive has ${entries} entries in ${size} bytes, more than ${MAX_MEMBERS} or ${MAX_DIRECTORY}`,
    );
  }
  return directory;
}

function endRecord64(bytes: RandomBytes, locator: number, refuse: Refuse): Directory {
  const lost = (): never => refuse("the ZIP64 end record is missing: the file is damaged");
  if (locator < 0) return lost();
  const pointer = viewAt(bytes, locator, 20);
  if (pointer.getUint32(0, true) !== END64_LOCATOR_SIGNATURE) return lost();
  const at = safe(pointer.getBigUint64(8, true), refuse);
  if (at + 56 > locator) return lost();
  const end = viewAt(bytes, at, 56);
  if (end.getUint32(0, true) !== END64_SIGNATURE) return lost();
  return {
    entries: safe(end.getBigUint64(32, true), refuse),
    size: safe(end.getBigUint64(40, true), refuse),
    offset: safe(end.getBigUint64(48, true), refuse),
  };
}

function readDirectory(bytes: RandomBytes, directory: Directory, packing: Packing, refuse: Refuse): readonly Entry[] {
  const view = viewAt(bytes, directory.offset, directory.size);
  const entries: Entry[] = [];
  const seen = new Set<string>();
  let at = 0;
  for (let i = 0; i < directory.entries; i++) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== ENTRY_SIGNATURE) {
      refuse(`entry ${i} of the zip directory is damaged`);
    }
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const next = at + 46 + (nameBytes ?? 0) + (extraBytes ?? 0) + (commentBytes ?? 0);
    if (next > view.byteLength) refuse(`entry ${i} of the zip directory is damaged`);
    const entry = readEntry(view, at, nameBytes ?? 0, extraBytes ?? 0, refuse);
    if (entry.method !== 0) requireInflatable(entry, packing, refuse);
    at = next;
    if (seen.has(entry.name)) refuse(`the zip archive has two members ${shown(entry.name)}`);
    seen.add(entry.name);
    if (!entry.name.endsWith("/")) entries.push(entry);
  }
  return entries;
}

function readEntry(view: DataView, at: number, nameBytes: number, extraBytes: number, refuse: Refuse): Entry {
  const name = memberName(new Uint8Array(view.buffer, view.byteOffset + at + 46, nameBytes), refuse);
  if ((view.getUint16(at + 8, true) & 1) !== 0) refuse(`zip member ${shown(name)} is encrypted`);
  let packed = view.getUint32(at + 20, true);
  let size = view.getUint32(at + 24, true);
  let header = view.getUint32(at + 42, true);
  const wide = zip64Fields(view, at + 46 + nameBytes, extraBytes);
  const widened = (value: number): number => (value === ESCAPED32 ? safe(wide.shift(), refuse) : value);
  // The order of the extra field: size, packed size, position.
  size = widened(size);
  packed = widened(packed);
  header = widened(header);
  const method = view.getUint16(at + 10, true);
  if (method === 0 && packed !== size)
    refuse(`zip member ${shown(name)} is stored, but has ${packed} bytes for ${size}`);
  return { name, begin: 0, size: packed, inflated: method === 0 ? undefined : size, header, method };
}

/** A deflated member where the archive may have such, that claims no more bytes than its own can give. */
function requireInflatable({ name, method, size, inflated = 0 }: Entry, packing: Packing, refuse: Refuse): void {
  const which = `zip member ${shown(name)}`;
  if (packing === "stored")
    refuse(`${which} is compressed (method ${method}); torch stores its members: unzip the file first`);
  if (method !== DEFLATED) refuse(`${which} is compressed by method ${method}: stored and deflated ones are read`);
  if (inflated > size * MAX_INFLATION)
    refuse(`${which} claims ${inflated} bytes, more than its ${size} can be inflated to`);
}

/** The 64-bit numbers of the extra field 1; none where it is missing or damaged. */
function zip64Fields(view: DataView, begin: number, length: number): bigint[] {
  for (let at = begin; at + 4 <= begin + length;) {
    const size = view.getUint16(at + 2, true);
    if (at + 4 + size > begin + length) return [];
    if (view.getUint16(at, true) === 1) {
      return Array.from({ length: Math.floor(size / 8) }, (_, i) => view.getBigUint64(at + 4 + 8 * i, true));
    }
    at += 4 + size;
  }
  return [];
}

const safe = (value: bigint | undefined, refuse: Refuse): number =>
  value !== undefined && value < 1n << 53n
    ? Number(value)
    : refuse(`the zip directory has the number ${value ?? "(missing)"} where a position or size belongs`);

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A relative path without `..`: nothing is unpacked, but a name that would escape is a sign of a hostile file. */
function memberName(bytes: Uint8Array, refuse: Refuse): string {
  let name: string;
  try {
    name = utf8.decode(bytes);
  } catch {
    return refuse("a zip member's name is not UTF-8");
  }
  const parts = name.replace(/\/$/, "").split("/");
  if (/[\\\0]|^[A-Za-z]:/.test(name) || parts.some((part) => part === "" || part === "." || part === "..")) {
    refuse(`the zip member name ${shown(name)} leaves the archive's folder`);
  }
  return name;
}

/** The local header repeats name and extra field in lengths of its own; the payload follows them. */
function dataStart(bytes: RandomBytes, { header, name }: Entry, limit: number, refuse: Refuse): number {
  const lost = `the local header of zip member ${shown(name)} is damaged`;
  if (header + 30 > limit) refuse(lost);
  const view = viewAt(bytes, header, 30);
  if (view.getUint32(0, true) !== LOCAL_SIGNATURE) refuse(lost);
  return header + 30 + view.getUint16(26, true) + view.getUint16(28, true);
}

/** The bytes of a member. */
export const memberBytes = (bytes: RandomBytes, { begin, size }: Member): RandomBytes => partOf(bytes, begin, size);
