import { syntheticInput } from "../frontend/weights/synthetic.ts";
import { count } from "../ir/type.ts";
import type { NpyArray } from "../runtime/npy.ts";
import type { Manifest } from "./manifest.ts";

/** Channels, height and width of the network's image. */
export function imageSize({ input, request }: Manifest): readonly [number, number, number] {
  const [, a, b, c] = input.shape;
  const [channels, height, width] = input.layout === "NHWC" ? [c, a, b] : [a, b, c];
  const fixed = (side: number | string | undefined, asked: number): number => (typeof side === "number" ? side : asked);
  const [c0, h0, w0] = request.input_size;
  return [fixed(channels, c0), fixed(height, h0), fixed(width, w0)];
}

/** The input's shape with `images` in it, or with the artifact's own fixed batch; of a size other than that of pictures, where one is given. */
export function inputShape(
  manifest: Manifest,
  images: number,
  size: readonly [height: number, width: number] = [imageSize(manifest)[1], imageSize(manifest)[2]],
): readonly number[] {
  const [batch] = manifest.input.shape;
  const [channels] = imageSize(manifest);
  const [height, width] = size;
  const sides = manifest.input.layout === "NHWC" ? [height, width, channels] : [channels, height, width];
  return [typeof batch === "number" ? batch : images, ...sides];
}

/** The recipe's input; as pixels, around the mean and with the spread of photographs, what exceeds a byte at its end. */
export function recipeInput({ input }: Manifest, shape: readonly number[]): NpyArray {
  if (input.layout === "NCHW") return { dtype: "f32", shape, data: syntheticInput(shape) };
  const [images = 1, height = 1, width = 1, channels = 1] = shape;
  const planes = syntheticInput([images, channels, height, width]);
  const data = Uint8Array.from({ length: planes.length }, (_, i) => {
    const [pixel, channel] = [Math.floor(i / channels), i % channels];
    const area = height * width;
    const value = planes[(Math.floor(pixel / area) * channels + channel) * area + (pixel % area)] ?? 0;
    return Math.min(255, Math.max(0, Math.round(115 + 58 * value)));
  });
  return { dtype: "u8", shape, data };
}

/** An input whose elements are what `at` says of a position. */
export function filledInput({ input }: Manifest, shape: readonly number[], at: (position: number) => number): NpyArray {
  const length = count(shape);
  return input.layout === "NCHW"
    ? { dtype: "f32", shape, data: Float32Array.from({ length }, (_, i) => at(i)) }
    : { dtype: "u8", shape, data: Uint8Array.from({ length }, (_, i) => at(i)) };
}
