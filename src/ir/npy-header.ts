/** What the header of a .npy file says. */
export interface NpyHeader {
  /** NumPy's name of the element type, such as `<f4`. */
  readonly descriptor: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly dataStart: number;
}

/** Reports a broken rule. */
export type RefuseNpy = (rule: string) => never;

const MAGIC = "\u0093NUMPY";
/** NumPy's own bound on headers that it trusts. */
const MAX_HEADER = 10_000;

/** No header ends after so many bytes of a file. */
export const npyHeadBytes = 12 + MAX_HEADER;

/** The header of version 1 or 2 at the beginning of a .npy file; `bytes` are the whole file or its first `npyHeadBytes`. */
export function parseNpyHeader(bytes: Uint8Array, refuse: RefuseNpy): NpyHeader {
  const latin1 = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString("latin1");
  if (latin1(0, 6) !== MAGIC) refuse("not a .npy file: the first bytes are not \\x93NUMPY");
  const [major] = bytes.subarray(6, 7);
  if (major !== 1 && major !== 2) refuse(`.npy version ${major ?? "missing"} is not read; versions 1 and 2 are`);
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) refuse("the file ends within the header length");
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = major === 1 ? header.getUint16(8, true) : header.getUint32(8, true);
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

/** One field of the Python dict literal, with the comma or brace that ends it. */
const FIELD = /\s*(?:'(\w+)'|"(\w+)")\s*:\s*('[^']*'|"[^"]*"|True|False|\([\d, ]*\))\s*(,\s*\}|,|\})/y;

function parseFields(text: string, refuse: RefuseNpy): Omit<NpyHeader, "dataStart"> {
  const fields = new Map<string, string>();
  FIELD.lastIndex = text.indexOf("{") + 1;
  if (!text.trimStart().startsWith("{")) refuse("the header is not a dict");
  for (let last = false; !last;) {
    const [, single, double, value = "", end = ""] =
      FIELD.exec(text) ?? refuse("the header is not a dict of descr, fortran_order and shape");
    const name = single ?? double ?? "";
    if (fields.has(name)) refuse(`the header has "${name}" twice`);
    fields.set(name, value);
    last = end.endsWith("}");
  }
  const end = FIELD.lastIndex;
  const order = fields.get("fortran_order");
  if (text.slice(end).trim() !== "" || fields.size !== 3)
    refuse("the header holds more than descr, fortran_order and shape");
  if (order !== "True" && order !== "False") refuse(`fortran_order is ${order ?? "missing"}`);
  return {
    descriptor: fields.get("descr")?.slice(1, -1) ?? "",
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
