import { imageSize } from "./input-tensor.ts";
import type { Manifest, ManifestSize, OnnxTarget } from "./manifest.ts";
import { type Many, mapMany } from "./many.ts";
import { type Size, imgSizeOf, placeOf } from "./sizes.ts";

/** One size of an artifact. */
export interface SizedManifest {
  /** What a compile for that size alone would have written, but for the passes and the files. */
  readonly manifest: Manifest;
  readonly size: Size;
  /** Which of several it is, for messages; undefined of an artifact of one size. */
  readonly place: string | undefined;
}

/** A manifest size by size; one that has but one size, itself. */
export function manifestSizes(manifest: Manifest): Many<SizedManifest> {
  const { target } = manifest;
  const [first, ...others] = ("sizes" in target ? target.sizes : undefined) ?? [];
  if (target.name !== "onnx" || first === undefined) {
    const [, height, width] = imageSize(manifest);
    return [{ manifest, size: [height, width], place: undefined }];
  }
  return mapMany([first, ...others], (entry): SizedManifest => {
    const size = [entry.height, entry.width] as const;
    return { manifest: manifestAt(manifest, target, entry), size, place: placeOf(size) };
  });
}

function manifestAt(manifest: Manifest, whole: OnnxTarget, entry: ManifestSize): Manifest {
  const { sizes: _, ...target } = whole;
  const { model, height, width, ...said } = entry;
  const { request, input } = manifest;
  const [channels] = request.input_size;
  const isBuilt = Object.hasOwn(request.args, "img_size");
  const [batch = "N"] = input.shape;
  const sides = input.layout === "NHWC" ? [height, width, channels] : [channels, height, width];
  return {
    ...manifest,
    ...said,
    target: { ...target, model },
    input: { ...input, shape: [batch, ...sides] },
    request: {
      ...request,
      args: isBuilt ? { ...request.args, img_size: imgSizeOf([height, width]) } : request.args,
      input_size: [channels, height, width],
    },
  };
}
