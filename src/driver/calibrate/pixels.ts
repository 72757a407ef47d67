import { basename } from "node:path";
import { refuseInterrupted } from "../../backends/interrupt.ts";
import type { Watch } from "../../backends/write-parts.ts";
import type { DataConfig } from "../../frontend/preprocess/data-config.ts";
import { type PictureInput, pixelElements } from "../../frontend/preprocess/picture-input.ts";
import { TimmcError, within } from "../../ir/error.ts";
import { count } from "../../ir/type.ts";
import type { NpyArray } from "../../runtime/npy.ts";
import { maxCheckBytes, maxPictureBytes } from "./read-calibration.ts";
import { evenly } from "./pictures.ts";

/** A picture as the network's own pixels: planes [channels, height, width] before mean and std. */
interface Picture {
  /** The file without its folder. */
  readonly name: string;
  readonly path: string;
  readonly pixels: Uint8Array;
}

/** Of all pictures together: they are kept, since every group of values runs all of them twice. */
const maxPixelBytes = 2 ** 30;

/** Reads pictures, resized and cropped as timm does. Errors have the picture's path. */
export async function readPictures(
  paths: readonly string[],
  config: DataConfig,
  { signal, progress }: Watch,
): Promise<Picture[]> {
  const each = count(config.inputSize);
  requireRoom(paths.length, each);
  const { decodeImage } = await import("../../frontend/preprocess/decode.ts");
  const { preprocessPixels } = await import("../../frontend/preprocess/transform.ts");
  const pictures: Picture[] = [];
  for (const path of paths) {
    refuseInterrupted(signal);
    progress?.(`reading pictures: ${pictures.length} of ${paths.length}`);
    const image = await decodeImage(path);
    const pixels = within(path, () => preprocessPixels(image, config));
    pictures.push({ name: basename(path), path, pixels });
  }
  return pictures;
}

function requireRoom(pictures: number, each: number): void {
  if (each > maxPictureBytes)
    throw new TimmcError("unsupported", `a picture of this network has ${each} bytes; at most ${maxPictureBytes}`);
  if (pictures * each <= maxPixelBytes) return;
  throw new TimmcError("usage", `${pictures} pictures of ${each} bytes are too many to keep`, {
    hint: `Use --samples ${Math.floor(maxPixelBytes / each)} or less; some hundred are enough.`,
  });
}

/** Pictures that ranges are of, and those that what is compiled is measured on, which no range has seen. */
export interface PictureSplit {
  readonly ranges: readonly Picture[];
  readonly check: readonly Picture[];
}

/** One in this many is for the check, as far as the file has room. */
const checkShare = 5;

/** Throws `usage` for less than two pictures. */
export function splitPictures(pictures: readonly Picture[]): PictureSplit {
  const [first] = pictures;
  if (first === undefined || pictures.length < 2)
    throw new TimmcError("usage", "one picture cannot both give ranges and check them", {
      hint: "Name at least two; some hundred are better.",
    });
  const room = Math.max(1, Math.floor(maxCheckBytes / first.pixels.length));
  const wanted = Math.min(room, Math.ceil(pictures.length / checkShare));
  const places = new Set(evenly(pictures.length, wanted));
  return {
    ranges: pictures.filter((_, i) => !places.has(i)),
    check: pictures.filter((_, i) => places.has(i)),
  };
}

/** Input tensors of pictures, `rows` in each: the last one that is not full begins again with the first pictures. */
export function* batchesOf(pictures: readonly Picture[], input: PictureInput, rows: number): Iterable<Batch> {
  const [channels, height, width] = input.config.inputSize;
  const each = count(input.config.inputSize);
  for (let from = 0; from < pictures.length; from += rows) {
    const part = Array.from({ length: rows }, (_, i) => pictures[(from + i) % pictures.length]);
    const elements = part.map((picture) => pixelElements(picture?.pixels ?? new Uint8Array(each), input));
    const place = <A extends Float32Array | Uint8Array>(data: A): A => {
      elements.forEach((row, i) => data.set(row, i * each));
      return data;
    };
    const tensor: NpyArray =
      input.normalized === "outside"
        ? { dtype: "f32", shape: [rows, channels, height, width], data: place(new Float32Array(rows * each)) }
        : { dtype: "u8", shape: [rows, height, width, channels], data: place(new Uint8Array(rows * each)) };
    yield { pictures: pictures.slice(from, from + rows), tensor };
  }
}

export interface Batch {
  readonly pictures: readonly Picture[];
  readonly tensor: NpyArray;
}
