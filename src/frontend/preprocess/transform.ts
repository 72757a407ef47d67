import { TimmcError } from "../../ir/error.ts";
import { roundHalfEven } from "../../zoo/layers/rounding.ts";
import { printable } from "../printable.ts";
import type { DataConfig } from "./data-config.ts";
import { toLuma } from "./image.ts";
import type { Raster, RgbImage } from "./image.ts";
import { normalizationOf, requirePictureChannels } from "./normalization.ts";
import { maxElements, resizePlanes } from "./pillow-resize.ts";
import type { ResizeFilter, Span } from "./pillow-resize.ts";

/**
 * timm's evaluation transform (`transforms_imagenet_eval`), to the bit: Pillow's resize, centre crop or padding, scale to
 * 0..1, normalise. A model of one channel gets Pillow's "L" picture, one of three channels RGB.
 *
 * @returns float32 of shape [channels, height, width].
 * @throws TimmcError `unsupported` for channel counts and settings that timm itself cannot run; `usage` for a picture whose
 *   bytes do not fit its size.
 */
export const preprocess = (image: RgbImage, config: DataConfig): Float32Array =>
  normalizePixels(preprocessPixels(image, config), config);

/** The end of the transform: bytes of shape [channels, height, width] scaled to 0..1 and normalised. */
export function normalizePixels(pixels: Uint8Array, config: DataConfig): Float32Array {
  const tables = normalisation(config);
  const area = pixels.length / tables.length;
  const tensor = new Float32Array(pixels.length);
  for (const [channel, table] of tables.entries()) {
    const end = (channel + 1) * area;
    for (let k = channel * area; k < end; k++) tensor[k] = table[pixels[k] ?? 0] ?? 0;
  }
  return tensor;
}

/** The transform before scaling and normalising: bytes of shape [channels, height, width]. Errors as `preprocess`. */
export function preprocessPixels(image: RgbImage, config: DataConfig): Uint8Array {
  const raster = toRaster(image, config);
  const [channels, height, width] = config.inputSize;
  if (channels * height * width > maxElements) {
    throw new TimmcError("unsupported", `an input of ${config.inputSize.join("x")} is too large`, {
      hint: `The bound is ${maxElements} elements.`,
    });
  }
  const plan = planResize(raster, config);
  const across = fitAxis(plan.width, width);
  const down = fitAxis(plan.height, height);
  const planes = resizePlanes(raster, plan, plan.filter, { columns: across.kept, rows: down.kept });
  if (across.kept.length === width && down.kept.length === height) return planes;
  const padded = new Uint8Array(channels * height * width);
  const fill = padding(config);
  for (let channel = 0; channel < channels; channel++) {
    const plane = padded.subarray(channel * height * width, (channel + 1) * height * width).fill(fill[channel] ?? 0);
    for (let y = 0; y < down.kept.length; y++) {
      const from = (channel * down.kept.length + y) * across.kept.length;
      plane.set(planes.subarray(from, from + across.kept.length), (down.before + y) * width + across.before);
    }
  }
  return padded;
}

function toRaster(image: RgbImage, config: DataConfig): Raster {
  const { width, height, data } = image;
  const [channels] = config.inputSize;
  if (!(width >= 1 && height >= 1 && data.length === width * height * 3)) {
    throw new TimmcError("usage", `a picture of ${width}x${height} RGB pixels cannot have ${data.length} bytes`);
  }
  requirePictureChannels(channels, "Prepare the input yourself and give it as a tensor.");
  return channels === 1 ? toLuma(image) : { width, height, channels: 3, data };
}

interface ResizePlan {
  readonly width: number;
  readonly height: number;
  readonly filter: ResizeFilter;
}

/**
 * The size of the whole picture after resizing. The crop then has `cropPct` of a side: with target side t, the scaled side
 * is S = floor(t / cropPct).
 */
function planResize({ width, height }: Raster, config: DataConfig): ResizePlan {
  const filter = evaluationFilter(config);
  const [, targetHeight, targetWidth] = config.inputSize;
  const scaled = {
    width: Math.floor(targetWidth / config.cropPct),
    height: Math.floor(targetHeight / config.cropPct),
  };
  const ratios = [height / scaled.height, width / scaled.width] as const;
  const byRatio = (ratio: number) => ({ width: roundHalfEven(width / ratio), height: roundHalfEven(height / ratio) });
  switch (config.cropMode) {
    case "squash":
      return { ...scaled, filter };
    case "border":
      return { ...byRatio(Math.max(...ratios)), filter };
    case "center": {
      // timm leaves the filter of this branch at its default, whatever the configuration says.
      if (scaled.width !== scaled.height) return { ...byRatio(Math.min(...ratios)), filter: "bilinear" };
      const side = scaled.width;
      const long = Math.trunc((side * Math.max(width, height)) / Math.min(width, height));
      return width <= height ? { width: side, height: long, filter } : { width: long, height: side, filter };
    }
    default:
      config.cropMode satisfies never;
      throw new TimmcError("usage", `unknown crop mode ${printable(JSON.stringify(config.cropMode))}`, {
        hint: "The modes are center, squash and border.",
      });
  }
}

function evaluationFilter({ interpolation }: DataConfig): ResizeFilter {
  if (interpolation !== "random") return interpolation;
  throw new TimmcError("unsupported", 'interpolation "random" is for training; an evaluation must name one', {
    hint: "Override the interpolation: bicubic or bilinear.",
  });
}

/**
 * Centre crop or padding of one axis: the kept part of `size` positions and the number of padded ones before it. Cropping
 * rounds half to even, padding rounds down.
 */
function fitAxis(size: number, target: number): { readonly kept: Span; readonly before: number } {
  if (size < target) return { kept: { start: 0, length: size }, before: Math.floor((target - size) / 2) };
  return { kept: { start: roundHalfEven((size - target) / 2), length: target }, before: 0 };
}

/** The colour around a picture that is smaller than the crop: black, or in border mode the mean colour. */
function padding({ cropMode, mean, inputSize: [channels] }: DataConfig): readonly number[] {
  if (cropMode !== "border") return Array.from({ length: channels }, () => 0);
  if (mean.length !== channels) {
    throw new TimmcError("unsupported", `crop mode border needs a mean per channel: ${mean.length} for ${channels}`, {
      hint: "Override mean and std with one number per channel.",
    });
  }
  return mean.map((value) => Math.min(255, Math.max(0, roundHalfEven(255 * value))));
}

/**
 * Per channel, the float32 for each byte, rounded at each step. A quotient of float32 values that is rounded first to a
 * double and then to float32 is the correctly rounded one (53 >= 2 * 24 + 2), so `Math.fround` suffices.
 */
function normalisation(config: DataConfig): readonly Float32Array[] {
  const { unit, mean, std } = normalizationOf(config);
  return mean.map((value, channel) => {
    const shift = Math.fround(value);
    const spread = Math.fround(std[channel] ?? 1);
    return Float32Array.from({ length: 256 }, (_, byte) =>
      Math.fround(Math.fround(Math.fround(byte / unit) - shift) / spread),
    );
  });
}
