import { count } from "../ir/type.ts";
import type { DataConfig } from "../frontend/preprocess/data-config.ts";
import type { NpyArray } from "../runtime/npy.ts";
import { imageSize } from "./input-tensor.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";
import type { Manifest } from "./manifest.ts";

/** How pictures become an input tensor. */
interface PictureInput {
  readonly config: DataConfig;
  /** Where mean and std are applied. */
  readonly normalized: Manifest["input"]["normalized"];
}

/** The same as an artifact's manifest says it. */
export function pictureInput(manifest: Manifest): PictureInput {
  const { mean, std, interpolation, crop_pct: cropPct, crop_mode: cropMode, normalized } = manifest.input;
  return { config: { inputSize: imageSize(manifest), mean, std, interpolation, cropPct, cropMode }, normalized };
}

/**
 * The input tensor of some pictures, resized and cropped as timm does: normalised numbers, or for a model that normalises
 * itself the bytes. Missing pictures of a fixed batch are zeros.
 */
export async function pictureBatch(
  { config, normalized }: PictureInput,
  images: readonly string[],
  rows: number,
  signal: AbortSignal | undefined,
): Promise<NpyArray> {
  const { decodeImage } = await import("../frontend/preprocess/decode.ts");
  const { preprocess, preprocessPixels } = await import("../frontend/preprocess/transform.ts");
  const { inputSize } = config;
  const [channels, height, width] = inputSize;
  const each = count(inputSize);
  const place = async <A extends Float32Array | Uint8Array>(
    data: A,
    made: (image: string) => Promise<A>,
  ): Promise<A> => {
    for (const [index, image] of images.entries()) {
      refuseInterrupted(signal);
      data.set(await made(image), index * each);
    }
    return data;
  };
  if (normalized === "outside") {
    const data = await place(new Float32Array(rows * each), async (image) =>
      preprocess(await decodeImage(image), config),
    );
    return { dtype: "f32", shape: [rows, channels, height, width], data };
  }
  const data = await place(new Uint8Array(rows * each), async (image) =>
    interleaved(preprocessPixels(await decodeImage(image), config), channels),
  );
  return { dtype: "u8", shape: [rows, height, width, channels], data };
}

/** Planes, one per channel, as pixels. */
function interleaved(planes: Uint8Array, channels: number): Uint8Array {
  const area = planes.length / channels;
  return Uint8Array.from(planes, (_, i) => planes[(i % channels) * area + Math.floor(i / channels)] ?? 0);
}
