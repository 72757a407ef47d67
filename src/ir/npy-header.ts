/**
 * The header of NumPy's .npy format. It lies here, among the IR, because the frontend (weights in .npz archives) and the
 * runtime (input and output tensors) share it, and the two import nothing from each other.
 */

/** What the header of a .npy file says. */
export interface NpyHeader {
  /** NumPy's name of the element type, such as `<f4`; undefined for records, which have a list of fields instead. */
  readonly descriptor: string | undefined;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly dataStart: number;
}

/** Reports a broken rule. */
type RefuseNpy = (rule: string) => never;

const MAGIC = "\u0093NUMPY";
/** NumPy's own bound on headers that it trusts. */
const MAX_HEADER = 10_000;

/** No header ends after so many bytes of a file. */
export const npyHeadBytes = 12 + MAX_HEADER;

/** How many bytes the dict has and where it begins, by the first 12 bytes; the version must be 1 or 2. */
function dictOf(bytes: Uint8Array): { readonly start: number; readonly length: number } {
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes[6] === 1
    ? { start: 10, length: header.getUint16(8, true) }
    : { start: 12, length: header.getUint32(8, true) };
}

/** Whether `parseNpyHeader` needs no more than these first bytes of a file; it never needs more than `npyHeadBytes`. */
export function hasNpyHeader(bytes: Uint8Array): boolean {
  if (bytes.length < 12) return false;
  const { start, length } = dictOf(bytes);
  return length > MAX_HEADER || start + length <= bytes.length;
}

/** The header of version 1 or 2 at the beginning of a .npy file; `bytes` are the whole file or its first `npyHeadBytes`. */
export function parseNpyHeader(bytes: Uint8Array, refuse: RefuseNpy): NpyHeader {
  const latin1 = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString("latin1");
  if (latin1(0, 6) !== MAGIC) refuse("not a .npy file: the first bytes are not \\x93NUMPY");
  const [major] = bytes.subarray(6, 7);
  if (major !== 1 && major !== 2) refuse(`.npy version ${major ?? "missing"} is not read; versions 1 and 2 are`);
  if (bytes.length < 12) refuse("the file ends within the header length");
  const { start, length } = dictOf(bytes);
  if (length > MAX_HEADER) refuse(`the header claims ${length} bytes; at most ${MAX_HEADER} are read`);
  if (start + length > bytes.length) refuse(`the header claims ${length} bytes and the file ends before`);
  return { ...parseFields(latin1(start, start + length), refuse), dataStart: start + length };
}

/** The beginning of a .npy file of version 1 in C order; the data begin at a multiple of 64. */
export function formatNpyHeader(descriptor: string, shape: readonly number[]): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const fields = `{'descr': '${descriptor}', 'fortran_order': False, 'shape': (${dims}), }`;
  const padding = 63 - ((10 + fields.length) % 64);
  const header = Buffer.from(`${MAGIC}\u0001\u0000\u0000\u0000${fields}${" ".repeat(padding)}\n`, "latin1");
  header.writeUInt16LE(header.length - 10, 8);
  return header;
}

/** The parts of one field of the Python dict literal; a list, of a record's fields, is left to `listEnd`. */
const NAME = /\s*(?:'(\w+)'|"(\w+)")\s*:\s*/y;
const VALUE = /'[^']*'|"[^"]*"|True|False|\([\d, ]*\)/y;
const END = /\s*(,\s*\}|,|\})/y;

/** Where the list that begins at `from` ends; brackets within texts do not count. Undefined where it has no end. */
function listEnd(text: string, from: number): number | undefined {
  let depth = 0;
  for (const { 0: token, index } of text.slice(from).matchAll(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[[\]]/g)) {
    if (token === "[") depth++;
    else if (token === "]" && --depth === 0) return from + index + 1;
  }
  return undefined;
}

/** What a sticky pattern finds at a position, and where it ends. */
function matchAt(
  pattern: RegExp,
  text: string,
  at: number,
): { readonly groups: RegExpExecArray; readonly end: number } | undefined {
  pattern.lastIndex = at;
  const groups = pattern.exec(text);
  return groups === null ? undefined : { groups, end: pattern.lastIndex };
}

function parseFields(text: string, refuse: RefuseNpy): Omit<NpyHeader, "dataStart"> {
  const lost = (): never => refuse("the header is not a dict of descr, fortran_order and shape");
  const fields = new Map<string, string>();
  if (!text.trimStart().startsWith("{")) refuse("the header is not a dict");
  let at = text.indexOf("{") + 1;
  for (let last = false; !last;) {
    const key = matchAt(NAME, text, at) ?? lost();
    const name = key.groups[1] ?? key.groups[2] ?? "";
    const valueEnd = (text[key.end] === "[" ? listEnd(text, key.end) : matchAt(VALUE, text, key.end)?.end) ?? lost();
    const end = matchAt(END, text, valueEnd) ?? lost();
    if (fields.has(name)) refuse(`the header has "${name}" twice`);
    fields.set(name, text.slice(key.end, valueEnd));
    last = end.groups[0].endsWith("}");
    at = end.end;
  }
  const order = fields.get("fortran_order");
  if (text.slice(at).trim() !== "" || fields.size !== 3)
    refuse("the header holds more than descr, fortran_order and shape");
  if (order !== "True" && order !== "False") refuse(`fortran_order is ${order ?? "missing"}`);
  return {
    descriptor: fields.get("descr")?.startsWith("[") ? undefined : (fields.get("descr")?.slice(1, -1) ?? ""),
    fortranOrder: order === "True",
    shape: parseShape(fields.get("shape"), refuse),
  };
}

function parseShape(text: string | undefined, refuse: RefuseNpy): number[] {
  if (text === undefined || !/^\( *(?:|\d+ *,|\d+(?: *, *\d+)+ *,?) *\)$/.test(text)) {
    return refuse(`the shape ${text ?? "is missing"} is not a tuple of sizes`);
  }
  return (text.match(/\d+/g) ?? []).map(Number);
}
