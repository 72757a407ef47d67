import { type Refuse, shown } from "./file.ts";
import { JsonScanner } from "./json-scanner.ts";
import { type StoredDType, storedBits } from "./source.ts";

export interface HeaderEntry {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  /** Bytes from `begin` up to `end` of the buffer that follows the header. */
  readonly begin: number;
  readonly end: number;
}

const METADATA = "__metadata__";
/** As of PyTorch files: torch computes with no more. */
const MAX_RANK = 64;

const stored: ReadonlyMap<string, StoredDType> = new Map<string, StoredDType>([
  ["BOOL", "bool"],
  ["U8", "u8"],
  ["I8", "i8"],
  ["F8_E5M2", "f8_e5m2"],
  ["F8_E4M3", "f8_e4m3"],
  ["F8_E8M0", "f8_e8m0"],
  ["F8_E4M3FNUZ", "f8_e4m3fnuz"],
  ["F8_E5M2FNUZ", "f8_e5m2fnuz"],
  ["I16", "i16"],
  ["U16", "u16"],
  ["F16", "f16"],
  ["BF16", "bf16"],
  ["I32", "i32"],
  ["U32", "u32"],
  ["F32", "f32"],
  ["I64", "i64"],
  ["U64", "u64"],
  ["F64", "f64"],
  ["C64", "c64"],
  ["F4", "f4"],
  ["F6_E2M3", "f6_e2m3"],
  ["F6_E3M2", "f6_e3m2"],
]);

/**
 * The tensors of a safetensors header, in file order, for a buffer of `bufferBytes` bytes. Every rule of the format is
 * checked: an entry's bytes are what its shape and type need, and the entries tile the buffer without hole or overlap.
 */
export function parseHeader(text: string, bufferBytes: number, refuse: Refuse): ReadonlyMap<string, HeaderEntry> {
  const scanner = new JsonScanner(text, refuse);
  const entries = new Map<string, HeaderEntry>();
  const seen = new Set<string>();
  scanner.object((name) => {
    if (seen.has(name)) refuse("the header names it twice", name);
    seen.add(name);
    if (name === METADATA) scanMetadata(scanner, refuse);
    else entries.set(name, scanEntry(scanner, name, refuse));
  });
  scanner.end();
  for (const [name, entry] of entries) checkSize(name, entry, refuse);
  checkTiling(entries, bufferBytes, refuse);
  return entries;
}

/** `__metadata__` maps strings to strings. */
function scanMetadata(scanner: JsonScanner, refuse: Refuse): void {
  const seen = new Set<string>();
  scanner.object((key) => {
    if (seen.has(key)) refuse(`"${METADATA}" has the key "${shown(key)}" twice`);
    seen.add(key);
    scanner.string();
  });
}

/** `{"dtype": ..., "shape": [...], "data_offsets": [begin, end]}` in any order; other fields are skipped, as the reference reader does. */
function scanEntry(scanner: JsonScanner, name: string, refuse: Refuse): HeaderEntry {
  const seen = new Set<string>();
  let dtype: StoredDType | undefined;
  let shape: readonly number[] | undefined;
  let offsets: readonly number[] | undefined;
  const tooDeep = (): never => refuse(`its shape has more than ${MAX_RANK} dimensions`, name);
  const notPair = (): never => refuse('"data_offsets" is not a pair [begin, end]', name);
  scanner.object((field) => {
    if (seen.has(field)) refuse(`its field "${shown(field)}" occurs twice`, name);
    seen.add(field);
    if (field === "dtype") dtype = scanDType(scanner, name, refuse);
    else if (field === "shape") shape = scanNaturals(scanner, MAX_RANK, tooDeep);
    else if (field === "data_offsets") offsets = scanNaturals(scanner, 2, notPair);
    else scanner.skip();
  });
  if (dtype === undefined) return refuse('its field "dtype" is missing', name);
  if (shape === undefined) return refuse('its field "shape" is missing', name);
  const [begin, end] = offsets ?? refuse('its field "data_offsets" is missing', name);
  if (begin === undefined || end === undefined) return notPair();
  if (begin > end) return refuse(`"data_offsets" [${begin}, ${end}] ends before it begins`, name);
  return { dtype, shape, begin, end };
}

function scanDType(scanner: JsonScanner, name: string, refuse: Refuse): StoredDType {
  const text = scanner.string();
  return stored.get(text) ?? refuse(`unknown dtype "${shown(text)}"; known: ${[...stored.keys()].join(" ")}`, name);
}

function scanNaturals(scanner: JsonScanner, limit: number, tooMany: () => never): number[] {
  const values: number[] = [];
  scanner.array(() => {
    if (values.length === limit) tooMany();
    values.push(scanner.natural());
  });
  return values;
}

function checkSize(name: string, entry: HeaderEntry, refuse: Refuse): void {
  const { dtype, shape, begin, end } = entry;
  let bits: number = storedBits[dtype];
  for (const dim of shape) {
    bits *= dim;
    if (!Number.isSafeInteger(bits)) refuse(`shape [${shape.join(", ")}] of ${dtype} needs 2^53 bits or more`, name);
  }
  if (bits % 8 !== 0) refuse(`shape [${shape.join(", ")}] of ${dtype} does not fill whole bytes`, name);
  if (end - begin !== bits / 8) {
    refuse(
      `shape [${shape.join(", ")}] of ${dtype} needs ${bits / 8} bytes, "data_offsets" [${begin}, ${end}] holds ${end - begin}`,
      name,
    );
  }
}

/** In the order of their offsets, each tensor begins where the one before ends, and the last ends with the file. */
function checkTiling(entries: ReadonlyMap<string, HeaderEntry>, bufferBytes: number, refuse: Refuse): void {
  let reached = 0;
  const ordered = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of ordered) {
    if (end > bufferBytes) {
      refuse(`its data ends at byte ${end} of a buffer of ${bufferBytes}: the file is truncated`, name);
    }
    if (begin > reached) refuse(`${begin - reached} bytes before its data belong to no tensor`, name);
    if (begin < reached) refuse(`its data overlaps the tensor before it by ${reached - begin} bytes`, name);
    reached = end;
  }
  if (reached < bufferBytes) refuse(`${bufferBytes - reached} bytes after the last tensor belong to no tensor`);
}
