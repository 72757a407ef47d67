import { count } from "../ir/type.ts";
import type { PictureInput } from "../frontend/preprocess/picture-input.ts";
import type { NpyArray } from "../runtime/npy.ts";
import { imageSize } from "./input-tensor.ts";
import { refuseInterrupted } from "../backends/interrupt.ts";
import type { Manifest } from "./manifest.ts";

/** How the manifest of an artifact says that pictures become an input tensor. */
export function pictureInput(manifest: Manifest): PictureInput {
  const { mean, std, interpolation, crop_pct: cropPct, crop_mode: cropMode, normalized } = manifest.input;
  return { config: { inputSize: imageSize(manifest), mean, std, interpolation, cropPct, cropMode }, normalized };
}

/**
 * The input tensor of some pictures, resized and cropped as timm does: normalised numbers, or for a model that normalises
 * itself the bytes. Missing pictures of a fixed batch are zeros.
 */
export async function pictureBatch(
  input: PictureInput,
  images: readonly string[],
  rows: number,
  signal: AbortSignal | undefined,
): Promise<NpyArray> {
  const { decodeImage } = await import("../frontend/preprocess/decode.ts");
  const { pictureElements } = await import("../frontend/preprocess/picture-input.ts");
  const { inputSize } = input.config;
  const [channels, height, width] = inputSize;
  const each = count(inputSize);
  const place = async <A extends Float32Array | Uint8Array>(data: A): Promise<A> => {
    for (const [index, image] of images.entries()) {
      refuseInterrupted(signal);
      data.set(pictureElements(await decodeImage(image), input), index * each);
    }
    return data;
  };
  if (input.normalized === "outside")
    return { dtype: "f32", shape: [rows, channels, height, width], data: await place(new Float32Array(rows * each)) };
  return { dtype: "u8", shape: [rows, height, width, channels], data: await place(new Uint8Array(rows * each)) };
}
