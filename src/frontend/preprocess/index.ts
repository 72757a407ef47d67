import { TimmcError } from "../../ir/error.ts";
import type { RgbImage } from "./image.ts";
import { type InputContract, pictureElements } from "./picture-input.ts";

export { TimmcError } from "../../ir/error.ts";
export type { RgbImage } from "./image.ts";
export type { InputContract } from "./picture-input.ts";

/** Rows from the top, four bytes R, G, B and alpha a pixel, as a canvas gives them. */
interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * The input tensor of one picture, to the bit as timm's evaluation transform makes it, from what a typed client says of its
 * model's `input`. For browsers and Node: no imports but its own files. Decoding is the caller's. Alpha is dropped without
 * blending, as Pillow does.
 *
 * @throws TimmcError `usage` for an input whose size is not fixed, or of several pictures; `unsupported` for channel counts that
 *   no picture has.
 */
export function pictureTensor(
  image: RgbaImage,
  { shape, layout, normalized, ...data }: InputContract,
): { readonly dims: readonly number[]; readonly data: Float32Array | Uint8Array } {
  const [batch, ...sides] = shape;
  const [a = "", b = "", c = ""] = sides;
  const [channels, height, width] = layout === "NHWC" ? [c, a, b] : [a, b, c];
  if (typeof channels !== "number" || typeof height !== "number" || typeof width !== "number")
    throw new TimmcError("usage", `the input [${shape.join(",")}] has no fixed size`, {
      hint: "Compile the model with a size of its own.",
    });
  if (typeof batch === "number" && batch !== 1)
    throw new TimmcError("usage", `the model takes ${batch} pictures at once`, { hint: "Compile it with --batch 1." });
  const { crop_pct: cropPct, crop_mode: cropMode, mean, std, interpolation } = data;
  const config = { inputSize: [channels, height, width], cropPct, cropMode, mean, std, interpolation } as const;
  return { dims: [1, ...sides.map(Number)], data: pictureElements(withoutAlpha(image), { config, normalized }) };
}

function withoutAlpha({ width, height, data }: RgbaImage): RgbImage {
  if (data.length !== width * height * 4)
    throw new TimmcError("usage", `a picture of ${width}x${height} RGBA pixels cannot have ${data.length} bytes`);
  return {
    width,
    height,
    data: Uint8Array.from({ length: width * height * 3 }, (_, i) => data[i + Math.floor(i / 3)] ?? 0),
  };
}
