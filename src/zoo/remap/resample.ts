import type { Value } from "../../ir/value.ts";
import { TimmcError } from "../../ir/error.ts";
import { type Interpolation, bicubic, resamplePosEmbed } from "../layers/pos-embed.ts";
import type { Ops } from "../scope.ts";
import { between, pseudoInverse, resizeMatrix, transposed } from "./matrix.ts";
import type { Compute } from "./remap.ts";
import { change, extent } from "./steps.ts";

/** What the laws begin with that give stored numbers another extent. */
export const resample = "resample the";
export const isResampling = (law: string): boolean => law.startsWith(resample);
/** What a law resamples: `positions`. */
export const resampled = (law: string): string => law.slice(resample.length).trim();

/**
 * Position embeddings [1, prefix + patches, C] of a square grid at the model's grid; the tokens before the patches keep
 * theirs (timm's resample_abs_pos_embed).
 */
export const posEmbedToModel = (
  from: RegExp,
  grid: readonly [number, number],
  prefix: number,
  interpolation: Interpolation = bicubic,
): Compute =>
  change(`${resample} positions`, from, (b, x, { target, name }) => {
    const wanted = target.shape(name);
    const tokens = extent(x, 1);
    if (wanted === undefined || wanted[1] === tokens) return x;
    const side = Math.floor(Math.sqrt(tokens - prefix));
    if (side < 1 || side * side !== tokens - prefix)
      throw new TimmcError("weights", `${tokens} positions are not ${prefix} and a square grid`);
    return resamplePosEmbed(b, x, [side, side], grid, prefix, interpolation);
  });

/**
 * Patch kernels [O, I, h, w] at the model's patch size: the kernel whose response to a resized patch is nearest to the
 * old one's to the patch, K' = P_h^T K P_w with P the pseudo-inverse of the resizing (FlexiViT, Beyer et al. 2022,
 * section 3.4; timm's resample_patch_embed).
 */
export const patchKernelToModel = (from: RegExp, interpolation: Interpolation = bicubic): Compute =>
  change(`${resample} patches`, from, (b, x, { target, name }) => {
    const wanted = target.shape(name);
    if (wanted?.length !== 4 || x.type.shape.length !== 4) return x;
    const [rows, columns] = [extent(x, 2), extent(x, 3)];
    const [toRows = rows, toColumns = columns] = wanted.slice(2);
    if (rows === toRows && columns === toColumns) return x;
    const inverse = (n: number, m: number) =>
      pseudoInverse(resizeMatrix(n, m, { ...interpolation, align_corners: false }));
    return between(b, transposed(inverse(rows, toRows)), x, inverse(columns, toColumns));
  });

/** Kernels of patches that were flattened, [O, I h w], as the model's convolution has them. */
export const patchKernelRank = (from: RegExp): Compute =>
  change("reshape", from, (b: Ops, x: Value, { target, name }) => {
    const [, , h, w] = target.shape(name) ?? [];
    if (h === undefined || w === undefined || x.type.shape.length >= 4) return x;
    const outputs = extent(x, 0);
    const inputs = x.type.shape.reduce<number>((n, _, i) => n * extent(x, i), 1) / (outputs * h * w);
    return b.reshape(x, { shape: [outputs, inputs, h, w] });
  });
