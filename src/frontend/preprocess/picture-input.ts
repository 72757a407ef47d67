import type { CropMode, Interpolation } from "../pretrained-cfg.ts";
import type { DataConfig } from "./data-config.ts";
import type { RgbImage } from "./image.ts";
import { normalizePixels, preprocessPixels } from "./transform.ts";

/** What a manifest and a typed client say of a model's `input`, as far as pictures go. */
export interface InputContract {
  /** [batch, channels, height, width], or with `layout` NHWC the channels last; a symbolic dimension is a string. */
  readonly shape: readonly (number | string)[];
  readonly layout: "NCHW" | "NHWC";
  /** Where mean and std are applied: by the model, which takes the pixels as bytes, or before it. */
  readonly normalized: "inside" | "outside";
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly interpolation: Interpolation;
  readonly crop_pct: number;
  readonly crop_mode: CropMode;
}

/** How pictures become an input tensor. */
export interface PictureInput extends Pick<InputContract, "normalized"> {
  readonly config: DataConfig;
}

/**
 * The elements of one picture in the input tensor, resized and cropped as timm does: normalised numbers in planes, or for a
 * model that normalises itself the pixels' bytes. Errors as `preprocess`.
 */
export const pictureElements = (image: RgbImage, input: PictureInput): Float32Array | Uint8Array =>
  pixelElements(preprocessPixels(image, input.config), input);

/** The same of pixels that are resized and cropped already, planes [channels, height, width]. */
export const pixelElements = (pixels: Uint8Array, { config, normalized }: PictureInput): Float32Array | Uint8Array =>
  normalized === "outside" ? normalizePixels(pixels, config) : interleaved(pixels, config.inputSize[0]);

/** Planes, one per channel, as pixels. */
function interleaved(planes: Uint8Array, channels: number): Uint8Array {
  const area = planes.length / channels;
  return Uint8Array.from(planes, (_, i) => planes[(i % channels) * area + Math.floor(i / channels)] ?? 0);
}
