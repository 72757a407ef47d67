import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { Sharp } from "sharp";
import { codeOf, messageLineOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";
import { formatNames, isCutShort, isWideGrayPng, readFormats, refusedFormat, sniffFormat } from "./formats.ts";
import type { PictureFormat } from "./formats.ts";
import type { RgbImage } from "./image.ts";

/** Pillow's own bound against decompression bombs: above it, `Image.open` raises. */
const pillowMaxPixels = 178_956_970;

/** Far above any picture within the pixel bound. */
const maxFileBytes = 2 ** 30;

const convertHint = `The formats read are ${readFormats}; convert the picture to PNG.`;

/**
 * Decodes a picture as Pillow's `Image.open(file).convert("RGB")`: palettes expanded, gray replicated, alpha dropped without
 * blending, CMYK by Pillow's plain formula, 16-bit colour by its high byte, 16-bit gray clipped at 255; no rotation by EXIF,
 * no colour profile, no gamma; the first frame of an animation.
 *
 * @param input the path of a file, or a file's bytes.
 * @throws TimmcError `io` for a file that cannot be read, is no picture or is damaged; `unsupported` for other formats and
 *   for pictures above `maxPixels`; `dependency` where the package sharp is missing.
 */
export async function decodeImage(
  input: Uint8Array | string,
  { maxPixels = pillowMaxPixels }: { readonly maxPixels?: number } = {},
): Promise<RgbImage> {
  try {
    return await decode(typeof input === "string" ? await readPicture(input) : input, maxPixels);
  } catch (error) {
    throw error instanceof TimmcError && typeof input === "string" ? error.within(input) : error;
  }
}

async function readPicture(path: string): Promise<Uint8Array> {
  try {
    // Nonblocking, so that a named pipe is refused below instead of waiting for a writer.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const facts = await file.stat();
      if (!facts.isFile()) throw new TimmcError("io", "is not a file", { hint: "Name a picture file." });
      if (facts.size > maxFileBytes) {
        throw new TimmcError("unsupported", `the file has ${facts.size} bytes; the bound is ${maxFileBytes}`);
      }
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof TimmcError) throw error;
    const missing = codeOf(error) === "ENOENT";
    throw new TimmcError("io", missing ? "no such file" : `cannot be read: ${messageLineOf(error)}`, { cause: error });
  }
}

async function decode(bytes: Uint8Array, maxPixels: number): Promise<RgbImage> {
  const format = pictureFormat(bytes);
  const sharp = await loadSharp();
  try {
    const options = { failOn: "truncated", limitInputPixels: false, ignoreIcc: true } as const;
    const { width, height, space } = await sharp(bytes, options).metadata();
    if (width * height > maxPixels) {
      throw new TimmcError("unsupported", `the picture has ${width}x${height} pixels; the bound is ${maxPixels}`, {
        hint: "Reduce it first.",
      });
    }
    const picture = sharp(bytes, options);
    if (format === "png" && isWideGrayPng(bytes)) return await clippedGray(picture);
    return space === "cmyk" ? await fromCmyk(picture) : await firstThree(picture);
  } catch (error) {
    throw error instanceof TimmcError ? error : damaged(format, bytes, error);
  }
}

function pictureFormat(bytes: Uint8Array): PictureFormat {
  const format = sniffFormat(bytes);
  if (format !== undefined) return format;
  const known = refusedFormat(bytes);
  if (known !== undefined) throw new TimmcError("unsupported", `${known} is not read`, { hint: convertHint });
  const what = bytes.length === 0 ? "the file is empty" : "not a picture in a known format";
  throw new TimmcError("io", what, { hint: convertHint });
}

/** Loaded on first use: the package brings a native library. */
async function loadSharp(): Promise<typeof import("sharp").default> {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    throw new TimmcError(
      "dependency",
      `reading pictures needs the package sharp, which did not load: ${messageLineOf(error)}`,
      {
        hint: "Install it for this platform: npm install sharp",
        cause: error,
      },
    );
  }
}

function damaged(format: PictureFormat, bytes: Uint8Array, error: unknown): TimmcError {
  const reason = messageLineOf(error);
  const truncated = isCutShort(format, bytes) || /premature end|truncated/i.test(reason);
  const name = formatNames[format];
  return new TimmcError(
    "io",
    truncated
      ? `the ${name} picture is truncated: the file ends at byte ${bytes.length}, before the picture does`
      : `the ${name} picture is damaged: ${reason}`,
    { hint: `Fetch or export it again. The formats read are ${readFormats}.`, cause: error },
  );
}

/** One line, for libvips reports several with its own line breaks. */
/** RGB, RGBA or gray and alpha expanded to four channels by libvips: the first three are the colour, unblended. */
async function firstThree(picture: Sharp): Promise<RgbImage> {
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels === 3) return { width, height, data };
  if (channels !== 4) throw new TimmcError("unsupported", `a picture of ${channels} channels`, { hint: convertHint });
  const rgb = new Uint8Array(width * height * 3);
  for (let to = 0, from = 0; to < rgb.length; to += 3, from += 4) {
    rgb[to] = data[from] ?? 0;
    rgb[to + 1] = data[from + 1] ?? 0;
    rgb[to + 2] = data[from + 2] ?? 0;
  }
  return { width, height, data: rgb };
}

/** Pillow's `cmyk2rgb`: with k' = 255 - k, each colour is k' - round(ink * k' / 255). */
async function fromCmyk(picture: Sharp): Promise<RgbImage> {
  const cmyk = picture.pipelineColourspace("cmyk").toColourspace("cmyk");
  const { data, info } = await cmyk.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (channels !== 4) throw new TimmcError("unsupported", `CMYK of ${channels} channels`, { hint: convertHint });
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const light = 255 - (data[pixel * 4 + 3] ?? 0);
    for (let ink = 0; ink < 3; ink++) {
      const scaled = (data[pixel * 4 + ink] ?? 0) * light + 128;
      rgb[pixel * 3 + ink] = light - (((scaled >> 8) + scaled) >> 8);
    }
  }
  return { width, height, data: rgb };
}

/** Pillow reads 16-bit gray as integers, and its conversion to RGB clips them at 255: most such pictures turn white. */
async function clippedGray(picture: Sharp): Promise<RgbImage> {
  const gray = picture.toColourspace("grey16").raw({ depth: "ushort" });
  const { data, info } = await gray.toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const samples = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const value = Math.min(255, samples[pixel * channels] ?? 0);
    rgb.fill(value, pixel * 3, pixel * 3 + 3);
  }
  return { width, height, data: rgb };
}
