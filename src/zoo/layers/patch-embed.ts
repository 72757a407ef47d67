import { type Dim, ceilDivDim, floorDivDim, mulDim, printDim, sameDim, scaleDim, subDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import type { Format } from "../family.ts";
import type { Module, Ops, Scope } from "../scope.ts";
import { type Pair, conv2d } from "./conv.ts";

interface PatchEmbedOptions {
  readonly patch: Pair;
  readonly width: number;
  readonly bias?: boolean;
  /** Over the last axis of what comes out. */
  readonly norm?: Module | undefined;
  readonly format?: Format;
  /** The one size that the network takes (strict_img_size); without it every size that is whole patches. */
  readonly size?: Pair | undefined;
  /** Zeros below and to the right complete the last patches (dynamic_img_pad). */
  readonly pad?: boolean;
}

/** Rows and columns of patches over an image; with `pad` incomplete ones count. */
export function patchGrid([height, width]: readonly [Dim, Dim], patch: Pair, pad = false): [Dim, Dim] {
  const divide = pad ? ceilDivDim : floorDivDim;
  return [divide(height, patch[0]), divide(width, patch[1])];
}

/**
 * Cuts an image [N, C, H, W] into patches and projects each (timm's PatchEmbed; Dosovitskiy et al. 2020, eq. 1): to
 * tokens [N, H W / P^2, width] unless `format` asks for a map. Sizes that timm asserts against are refused.
 */
export const patchEmbed =
  ({ patch, width, bias = true, norm, format = "NLC", size, pad = false }: PatchEmbedOptions): Module =>
  (s, x) => {
    if (size !== undefined) needSize(x, size);
    else if (!pad) needWholePatches(x, patch);
    const map = s.call(
      "proj",
      conv2d(width, { kernel: patch, stride: patch, padding: 0, bias }),
      pad ? completePatches(s, x, patch) : x,
    );
    const formats = {
      NCHW: () => map,
      NHWC: () => s.transpose(map, { perm: [0, 2, 3, 1] }),
      NLC: () => toTokens(s, map),
    };
    return s.chain(formats[format](), { norm });
  };

/** [N, C, H, W] to [N, H W, C]. */
export function toTokens(s: Ops, map: Value): Value {
  const [n = 1, c = 1, h = 1, w = 1] = map.type.shape;
  return s.transpose(s.reshape(map, { shape: [n, c, mulDim(h, w)] }), { perm: [0, 2, 1] });
}

/** Tokens [N, H W, C] on a grid of H x W to [N, C, H, W]. */
export function toMap(s: Ops, tokens: Value, [h, w]: readonly [Dim, Dim]): Value {
  const [n = 1, , c = 1] = tokens.type.shape;
  return s.transpose(s.reshape(tokens, { shape: [n, h, w, c] }), { perm: [0, 3, 1, 2] });
}

/** Zeros below and to the right up to the next multiple of the patch. */
function completePatches(s: Scope, x: Value, patch: Pair): Value {
  const [down = 0, right = 0] = patch.map((p, i) => {
    const side = x.type.shape[i + 2] ?? p;
    return subDim(scaleDim(ceilDivDim(side, p), p), side);
  });
  return down === 0 && right === 0 ? x : s.pad(x, { padding: [0, 0, 0, 0, 0, 0, down, right] });
}

const sides = ["height", "width"] as const;

/** Refuses an image [N, C, H, W] of another size. */
export function needSize(x: Value, size: readonly [Dim, Dim]): void {
  const [h = 0, w = 0] = x.type.shape.slice(2);
  for (const [i, extent] of [h, w].entries())
    if (!sameDim(extent, size[i] ?? 0))
      throw new TimmcError(
        "unsupported",
        `input ${sides[i]} ${printDim(extent)} doesn't match the model's ${printDim(size[i] ?? 0)}`,
      );
}

function needWholePatches(x: Value, patch: Pair): void {
  for (const [i, side] of sides.entries()) {
    const extent = x.type.shape[i + 2] ?? 0;
    const p = patch[i] ?? 1;
    if (!sameDim(scaleDim(floorDivDim(extent, p), p), extent))
      throw new TimmcError("unsupported", `input ${side} ${printDim(extent)} is not divisible by the patch size ${p}`);
  }
}
