/** A decoded picture: rows from the top, `width * height` pixels of three bytes R, G, B. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Interleaved bytes: pixel (x, y) has its `channels` values from index `(y * width + x) * channels`. */
export interface Raster extends RgbImage {
  readonly channels: 1 | 3;
}

/**
 * Pillow's `convert("L")`: ITU-R 601-2 luma in 16-bit fixed point, rounded. It is the identity on gray pictures, since the
 * three factors sum to 2^16.
 */
export function toLuma(image: RgbImage): Raster {
  const { width, height, data } = image;
  const luma = new Uint8Array(width * height);
  for (let pixel = 0, at = 0; pixel < luma.length; pixel++, at += 3) {
    const red = data[at] ?? 0;
    const green = data[at + 1] ?? 0;
    const blue = data[at + 2] ?? 0;
    luma[pixel] = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: luma };
}
