import { TimmcError } from "../../ir/error.ts";
import type { Interpolation } from "../pretrained-cfg.ts";
import type { Raster } from "./image.ts";

/** Pillow's filters; "random" is a training-time choice between two of them. */
export type ResizeFilter = Exclude<Interpolation, "random">;

/** The wanted part of one output axis: positions `start` to `start + length - 1`. */
export interface Span {
  readonly start: number;
  readonly length: number;
}

export interface Window {
  readonly columns: Span;
  readonly rows: Span;
}

/** A convolution kernel that is zero outside `-support..support`, in units of output pixels when shrinking. */
interface Kernel {
  readonly support: number;
  readonly weight: (x: number) => number;
}

/** Keys' cubic with a = -1/2, in Pillow's order of operations. */
function cubic(x: number): number {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

function sinc(x: number): number {
  const angle = x * Math.PI;
  return x === 0 ? 1 : Math.sin(angle) / angle;
}

function hamming(x: number): number {
  const angle = Math.abs(x) * Math.PI;
  if (x === 0) return 1;
  return Math.abs(x) < 1 ? (Math.sin(angle) / angle) * (0.54 + 0.46 * Math.cos(angle)) : 0;
}

const kernels: { readonly [F in Exclude<ResizeFilter, "nearest">]: Kernel } = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: hamming },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Weights are integers in units of 2^-22: with 8-bit samples and two bits of headroom, sums fit an int32. */
const fractionBits = 22;
const one = 1 << fractionBits;
const half = 1 << (fractionBits - 1);

/** No side that Pillow can hold is longer (`INT_MAX / 4 - 1`). */
const maxSide = 2 ** 29 - 2;

/** Bound on one table, intermediate or result, in elements. Ordinary pictures stay under a hundredth of it. */
export const maxElements = 2 ** 28;

/** Output position k of a span is the sum of `count[k]` inputs from `first[k]`, with weights from `k * stride`. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly stride: number;
}

/**
 * Resizes as Pillow's `Image.resize(size, resample)` does, to the bit, and keeps the part in `window` (default: all).
 * Two passes, columns first, with bytes between them; when shrinking, the kernel widens by the scale (antialiasing). What
 * lies outside the window is not computed: an output pixel depends on the window in no other way.
 *
 * Source: Pillow, src/libImaging/Resample.c (and Geometry.c for "nearest").
 *
 * @returns planes: bytes of shape [channels, window.rows.length, window.columns.length].
 * @throws TimmcError `unsupported` for an output side of 0 and for proportions that would take gigabytes.
 */
export function resizePlanes(
  image: Raster,
  size: { readonly width: number; readonly height: number },
  filter: ResizeFilter,
  window: Window = { columns: { start: 0, length: size.width }, rows: { start: 0, length: size.height } },
): Uint8Array {
  for (const side of [size.width, size.height]) {
    if (!(side >= 1 && side <= maxSide)) throw outOfBounds(image, size);
  }
  const columns = window.columns.length;
  const rows = window.rows.length;
  if (image.channels * rows * columns > maxElements) throw outOfBounds(image, size);
  const across = axisTaps(image.width, size.width, filter, window.columns);
  const down = axisTaps(image.height, size.height, filter, window.rows);
  if (across === undefined || down === undefined) throw outOfBounds(image, size);
  const band = inputRange(down);
  if (band.length * columns > maxElements) throw outOfBounds(image, size);
  const planes = new Uint8Array(image.channels * rows * columns);
  for (let channel = 0; channel < image.channels; channel++) {
    const plane = planes.subarray(channel * rows * columns, (channel + 1) * rows * columns);
    resampleColumns(resampleRows(image, channel, band, across), columns, band.start, down, plane);
  }
  return planes;
}

function outOfBounds(image: Raster, size: { readonly width: number; readonly height: number }): TimmcError {
  return new TimmcError(
    "unsupported",
    `a picture of ${image.width}x${image.height} pixels cannot be resized to ${size.width}x${size.height}`,
    { hint: "Its proportions or the sizes asked for are too extreme. Crop it first." },
  );
}

/** The input positions that any of the taps read; spans are never empty and `first` never falls. */
function inputRange({ first, count }: Taps): Span {
  const start = first[0] ?? 0;
  return { start, length: (first.at(-1) ?? 0) + (count.at(-1) ?? 0) - start };
}

/**
 * The taps of a span of one axis, or undefined where their table would be too large. An axis that keeps its size has one
 * tap of weight 1 per position: the pass is then a copy, as in Pillow, which skips it.
 */
function axisTaps(input: number, output: number, filter: ResizeFilter, span: Span): Taps | undefined {
  if (filter === "nearest" || input === output) return nearestTaps(input, output, span);
  const { support: reach, weight } = kernels[filter];
  const scale = input / output;
  const widening = Math.max(scale, 1);
  const support = reach * widening;
  const stride = Math.ceil(support) * 2 + 1;
  if (stride * span.length > maxElements) return undefined;
  const first = new Int32Array(span.length);
  const count = new Int32Array(span.length);
  const weights = new Int32Array(span.length * stride);
  const raw = new Float64Array(stride);
  // Pillow multiplies by the reciprocal: dividing would round differently.
  const narrowing = 1 / widening;
  for (let k = 0; k < span.length; k++) {
    const centre = (span.start + k + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const taps = Math.min(input, Math.trunc(centre + support + 0.5)) - low;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const w = weight((tap + low - centre + 0.5) * narrowing);
      raw[tap] = w;
      sum += w;
    }
    for (let tap = 0; tap < taps; tap++) {
      const w = raw[tap] ?? 0;
      weights[k * stride + tap] = toFixed(sum === 0 ? w : w / sum);
    }
    first[k] = low;
    count[k] = taps;
  }
  return { first, count, weights, stride };
}

/** Rounded half away from zero. */
const toFixed = (weight: number): number => Math.trunc(weight * one + (weight < 0 ? -0.5 : 0.5));

/** Positions by repeated addition, as Pillow finds them: a product would differ in rare last bits. */
function nearestTaps(input: number, output: number, span: Span): Taps {
  const scale = input / output;
  const first = new Int32Array(span.length);
  let position = scale * 0.5;
  for (let k = 0; k < span.start; k++) position += scale;
  for (let k = 0; k < span.length; k++) {
    first[k] = Math.min(Math.floor(position), input - 1);
    position += scale;
  }
  const count = new Int32Array(span.length).fill(1);
  return { first, count, weights: new Int32Array(span.length).fill(one), stride: 1 };
}

/** First pass: one channel of the rows in `band`, as a plane of `band.length` rows by the taps' positions. */
function resampleRows(image: Raster, channel: number, band: Span, taps: Taps): Uint8Array {
  const { data, width, channels } = image;
  const { first, count, weights, stride } = taps;
  const columns = first.length;
  const plane = new Uint8Array(band.length * columns);
  for (let row = 0; row < band.length; row++) {
    const origin = (band.start + row) * width * channels + channel;
    for (let x = 0; x < columns; x++) {
      let at = origin + (first[x] ?? 0) * channels;
      const begin = x * stride;
      const end = begin + (count[x] ?? 0);
      let sum = half;
      for (let tap = begin; tap < end; tap++, at += channels) {
        sum = (sum + Math.imul(weights[tap] ?? 0, data[at] ?? 0)) | 0;
      }
      plane[row * columns + x] = toByte(sum);
    }
  }
  return plane;
}

/** Second pass, into `target`. `plane` holds the input rows from `origin` on; whole rows are summed, for the cache. */
function resampleColumns(plane: Uint8Array, columns: number, origin: number, taps: Taps, target: Uint8Array): void {
  const { first, count, weights, stride } = taps;
  const sums = new Int32Array(columns);
  for (let y = 0; y < first.length; y++) {
    sums.fill(half);
    let at = ((first[y] ?? 0) - origin) * columns;
    for (let tap = y * stride, end = tap + (count[y] ?? 0); tap < end; tap++, at += columns) {
      const w = weights[tap] ?? 0;
      for (let x = 0; x < columns; x++) sums[x] = (sums[x] ?? 0) + Math.imul(w, plane[at + x] ?? 0);
    }
    for (let x = 0; x < columns; x++) target[y * columns + x] = toByte(sums[x] ?? 0);
  }
}

function toByte(sum: number): number {
  const value = sum >> fractionBits;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
