import { fillSynthetic } from "../frontend/weights/synthetic.ts";
import { count } from "../ir/type.ts";
import type { NpyArray } from "../runtime/npy.ts";
import { filledInput, imageSize, inputShape, recipeInput } from "./input-tensor.ts";
import type { Manifest } from "./manifest.ts";

export interface TestInput {
  readonly name: string;
  readonly tensor: NpyArray;
}

/**
 * What an artifact is tried on: the recipe's input, alone, at other sizes where they are free, and where the batch is free three at once; nothing but zeros
 * (of normalised numbers: biases alone, and every border equal to its padding); one value everywhere (borders alone);
 * noise of a much larger scale, which saturates activations, and of pixels nothing but black and white.
 */
export function testInputs(manifest: Manifest): TestInput[] {
  const one = inputShape(manifest, 1);
  const several = inputShape(manifest, 3);
  const random = noise(count(one));
  const pixels: Fills = { zeros: () => 0, constant: () => 128, noise: (i) => ((random[i] ?? 0) < 0 ? 0 : 255) };
  const numbers: Fills = { zeros: () => 0, constant: () => 0.5, noise: (i) => random[i] ?? 0 };
  const fills = manifest.input.layout === "NHWC" ? pixels : numbers;
  return [
    { name: "recipe", tensor: recipeInput(manifest, one) },
    ...otherSizes(manifest).map(([h, w]) => ({
      name: `recipe of ${h}x${w}`,
      tensor: recipeInput(manifest, inputShape(manifest, 1, [h, w])),
    })),
    ...(several[0] === one[0] ? [] : [{ name: "recipe of three", tensor: recipeInput(manifest, several) }]),
    ...Object.entries(fills).map(([name, at]) => ({ name, tensor: filledInput(manifest, one, at) })),
  ];
}

/**
 * Where height and width are open: one wider than high, one higher than wide. Both are larger than the size of pictures, since
 * what is least is not known: a window of the network may not fit a smaller one.
 */
function otherSizes(manifest: Manifest): (readonly [height: number, width: number])[] {
  const { dynamic_size: multiple } = manifest.request;
  if (multiple === undefined) return [];
  const [, height, width] = imageSize(manifest);
  const more = (pixels: number): number => multiple * Math.max(1, Math.round(pixels / multiple));
  return [
    [height, width + more(27)],
    [height + more(45), width],
  ];
}

type Fills = Readonly<Record<"zeros" | "constant" | "noise", (position: number) => number>>;

/** Uniform in [-8, 8), by the recipe's hash: no normalised picture goes as far. */
function noise(length: number): Float32Array {
  const values = new Float32Array(length);
  fillSynthetic("noise", [1, 1, length], values);
  return values.map((v) => 16 * v);
}
