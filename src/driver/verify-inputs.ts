import { fillSynthetic } from "../frontend/weights/synthetic.ts";
import { count } from "../ir/type.ts";
import type { NpyArray } from "../runtime/npy.ts";
import { filledInput, inputShape, recipeInput } from "./input-tensor.ts";
import type { Manifest } from "./manifest.ts";

export interface TestInput {
  readonly name: string;
  readonly tensor: NpyArray;
}

/**
 * What an artifact is tried on: the recipe's input, alone and, where the batch is free, three at once; nothing but zeros
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
    ...(several[0] === one[0] ? [] : [{ name: "recipe of three", tensor: recipeInput(manifest, several) }]),
    ...Object.entries(fills).map(([name, at]) => ({ name, tensor: filledInput(manifest, one, at) })),
  ];
}

type Fills = Readonly<Record<"zeros" | "constant" | "noise", (position: number) => number>>;

/** Uniform in [-8, 8), by the recipe's hash: no normalised picture goes as far. */
function noise(length: number): Float32Array {
  const values = new Float32Array(length);
  fillSynthetic("noise", [1, 1, length], values);
  return values.map((v) => 16 * v);
}
