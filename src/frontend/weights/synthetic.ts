import { bytesOf } from "../../ir/bytes.ts";
import { TimmcError } from "../../ir/error.ts";
import { count } from "../../ir/type.ts";
import type { TensorData, TensorSpec, WeightSource } from "./source.ts";

/**
 * Weights as a pure function of name, shape and flat index, so that two independent programs hold the very same model:
 *
 *     u32(name, i) = fmix32(fnv1a32(utf8(name)) + i * 0x9E3779B9 mod 2^32),   u = u32 / 2^32
 *
 * With L the last dotted part of the name and s the shape, the first that fits:
 *
 *     L is running_var                           0.5 + u
 *     L is running_mean                          0.1 (2u - 1)
 *     rank 0 or 1, L contains `bias` or `beta`   0.1 (2u - 1)
 *     rank 0 or 1                                0.5 + u
 *     rank 3 or more and s[0] = 1                0.5 (2u - 1)
 *     otherwise                                  (2u - 1) sqrt(3 / (s[1] s[2] ...))
 *
 * in float64, rounded to float32 once. Weights then have variance 1 / fan-in.
 */
export function syntheticSource(entries: Iterable<TensorSpec>): WeightSource {
  const specs = new Map<string, TensorSpec>();
  for (const spec of entries) specs.set(spec.name, spec);
  return {
    label: "synthetic",
    keys: () => specs.keys(),
    get: (name) => {
      const spec = specs.get(name);
      return spec === undefined ? undefined : syntheticTensor(spec);
    },
    close: () => {},
  };
}

/**
 * Fills `out` with the tensor's elements from flat index `start` on, as many as fit: a tensor of any size can be written
 * piece by piece through one buffer, or straight into its place in a larger one.
 */
export function fillSynthetic(name: string, shape: readonly number[], out: Float32Array, start = 0): void {
  const { offset, scale } = distribution(name, shape);
  let state = (fnv1a32(name) + Math.imul(start, GOLDEN)) | 0;
  for (let i = 0; i < out.length; i++) {
    out[i] = offset + scale * centred(state);
    state = (state + GOLDEN) | 0;
  }
}

/**
 * The input that goes with the recipe, for a shape (N, C, H, W): noise of variance 0.49 plus a smooth pattern that
 * differs by image and channel,
 * 0.7 sqrt(3) (2u - 1) + sin(2 pi ((c + 1) w / W + (n + 1) h / H)) cos(2 pi (2 h / H + 0.5 c)) with u = u("input", i).
 */
export function syntheticInput(shape: readonly number[]): Float32Array {
  const [images, channels, height, width, ...rest] = shape;
  if (
    images === undefined ||
    channels === undefined ||
    height === undefined ||
    width === undefined ||
    rest.length > 0
  ) {
    throw new TimmcError("usage", `the synthetic input has shape (N, C, H, W), not (${shape.join(", ")})`, {
      hint: "Pass the input as a .npy file.",
    });
  }
  const turn = 2 * Math.PI;
  const noise = 0.7 * Math.sqrt(3);
  const out = new Float32Array(count(shape));
  let state = fnv1a32("input");
  let i = 0;
  for (let n = 0; n < images; n++) {
    for (let c = 0; c < channels; c++) {
      for (let h = 0; h < height; h++) {
        const column = Math.cos(turn * ((2 * h) / height + 0.5 * c));
        for (let w = 0; w < width; w++) {
          const row = Math.sin(turn * (((c + 1) * w) / width + ((n + 1) * h) / height));
          out[i++] = noise * (centred(state) / HALF) + row * column;
          state = (state + GOLDEN) | 0;
        }
      }
    }
  }
  return out;
}

const GOLDEN = 0x9e3779b9;
const HALF = 2 ** 31;

/**
 * 2^31 (2u - 1), an integer. A power of two factors out of a product without rounding, so `offset + scale * centred`
 * rounds exactly where the recipe does.
 */
function centred(state: number): number {
  let h = state;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16) ^ 0x80000000;
}

export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function distribution(name: string, shape: readonly number[]): { readonly offset: number; readonly scale: number } {
  const last = name.slice(name.lastIndexOf(".") + 1);
  const positive = { offset: 1, scale: 0.5 / HALF };
  const around = (reach: number) => ({ offset: 0, scale: reach / HALF });
  if (last === "running_var") return positive;
  if (last === "running_mean") return around(0.1);
  if (shape.length < 2) return last.includes("bias") || last.includes("beta") ? around(0.1) : positive;
  if (shape.length > 2 && shape[0] === 1) return around(0.5);
  return around(Math.sqrt(3 / count(shape.slice(1))));
}

function syntheticTensor(spec: TensorSpec): TensorData {
  const { name, shape, dtype } = spec;
  if (dtype === "i64" && shape.length === 0 && name.endsWith("num_batches_tracked")) {
    return { dtype, shape, read: () => new Uint8Array(8) };
  }
  if (dtype !== "f32") {
    throw new TimmcError("weights", `the synthetic recipe fills f32 parameters and running statistics, not ${dtype}`, {
      trail: ["synthetic", name],
      hint: "Buffers keep the values that the architecture computes; they are not parameters.",
    });
  }
  return {
    dtype,
    shape,
    read: () => {
      const values = new Float32Array(count(shape));
      fillSynthetic(name, shape, values);
      return bytesOf(values);
    },
  };
}
