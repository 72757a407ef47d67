import { fillSynthetic, syntheticInput } from "../frontend/weights/synthetic.ts";
import { TimmcError } from "../ir/error.ts";
import { count } from "../ir/type.ts";
import type { NpyArray } from "../runtime/npy.ts";
import type { Manifest } from "./manifest.ts";

export interface TestInput {
  readonly name: string;
  readonly tensor: NpyArray;
}

/**
 * What an artifact is tried on: the recipe's input, alone and, where the batch is free, three at once; nothing but zeros
 * (biases alone, and every border equal to its padding); one value everywhere (borders alone); noise of a much larger
 * scale, which saturates activations.
 */
export function testInputs({ input, request }: Manifest): TestInput[] {
  if (input.dtype !== "f32")
    throw new TimmcError("unsupported", `verification feeds f32 inputs; the artifact takes ${input.dtype}`);
  const [batch, ...sides] = input.shape;
  const size = sides.map((side, axis) => (typeof side === "number" ? side : (request.input_size[axis] ?? 1)));
  const one = [typeof batch === "number" ? batch : 1, ...size];
  const fed = (name: string, shape: readonly number[], data: Float32Array): TestInput => ({
    name,
    tensor: { dtype: "f32", shape, data },
  });
  const several = [3, ...size];
  return [
    fed("recipe", one, syntheticInput(one)),
    ...(typeof batch === "number" ? [] : [fed("recipe of three", several, syntheticInput(several))]),
    fed("zeros", one, new Float32Array(count(one))),
    fed("constant", one, new Float32Array(count(one)).fill(0.5)),
    fed("noise", one, noise(count(one))),
  ];
}

/** Uniform in [-8, 8), by the recipe's hash: no normalised picture goes as far. */
function noise(length: number): Float32Array {
  const values = new Float32Array(length);
  fillSynthetic("noise", [1, 1, length], values);
  return values.map((v) => 16 * v);
}
