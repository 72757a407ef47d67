/** The formats that are read: those whose decoders give the same bytes as Pillow's. */
export type PictureFormat = "png" | "jpeg" | "webp";

export const formatNames: { readonly [F in PictureFormat]: string } = { png: "PNG", jpeg: "JPEG", webp: "WebP" };

export const readFormats = "PNG, JPEG and WebP";

interface Signature {
  readonly name: string;
  readonly offset: number;
  readonly text: string;
}

/** Pictures that are recognised only in order to be refused by name. */
const refused: readonly Signature[] = [
  { name: "GIF", offset: 0, text: "GIF8" },
  { name: "TIFF", offset: 0, text: "II*\0" },
  { name: "TIFF", offset: 0, text: "MM\0*" },
  { name: "BMP", offset: 0, text: "BM" },
  { name: "HEIF or AVIF", offset: 4, text: "ftyp" },
  { name: "JPEG XL", offset: 0, text: "\xff\x0a" },
  { name: "JPEG XL", offset: 4, text: "JXL " },
  { name: "JPEG 2000", offset: 4, text: "jP  " },
  { name: "SVG or XML", offset: 0, text: "<svg" },
  { name: "SVG or XML", offset: 0, text: "<?xml" },
  { name: "PDF", offset: 0, text: "%PDF-" },
  { name: "NumPy", offset: 0, text: "\x93NUMPY" },
];

const textAt = (bytes: Uint8Array, offset: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(offset, offset + length));

/** The format by the first bytes; a file's name says nothing. */
export function sniffFormat(bytes: Uint8Array): PictureFormat | undefined {
  if (textAt(bytes, 0, 8) === "\x89PNG\r\n\x1a\n") return "png";
  if (textAt(bytes, 0, 3) === "\xff\xd8\xff") return "jpeg";
  return textAt(bytes, 0, 4) === "RIFF" && textAt(bytes, 8, 4) === "WEBP" ? "webp" : undefined;
}

/** The name of a known format that is not read. */
export function refusedFormat(bytes: Uint8Array): string | undefined {
  return refused.find(({ offset, text }) => textAt(bytes, offset, text.length) === text)?.name;
}

/** True where the container itself ends before its last part; a JPEG has no such mark before its end. */
export function isCutShort(format: PictureFormat, bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case "png":
      return !reachesPngEnd(bytes, view);
    case "webp":
      return bytes.length < 12 || view.getUint32(4, true) + 8 > bytes.length;
    case "jpeg":
      return false;
  }
  return format satisfies never;
}

/** Chunks are length, type, data, checksum; the last is IEND. */
function reachesPngEnd(bytes: Uint8Array, view: DataView): boolean {
  let at = 8;
  while (at + 8 <= bytes.length) {
    if (textAt(bytes, at + 4, 4) === "IEND") return true;
    at += view.getUint32(at) + 12;
  }
  return false;
}

/** True for a PNG of 16-bit gray without alpha: the one kind that Pillow does not reduce to its high bytes. */
export function isWideGrayPng(bytes: Uint8Array): boolean {
  const depth = bytes[24];
  const colourType = bytes[25];
  return depth === 16 && colourType === 0;
}
