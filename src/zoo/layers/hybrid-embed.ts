import { type Dim, ceilDivDim, floorDivDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Module } from "../scope.ts";
import { type Pair, conv2d } from "./conv.ts";
import { needSize, toTokens } from "./patch-embed.ts";

interface HybridOptions {
  readonly backbone: Module;
  /** Pixels per pixel of the backbone's map. */
  readonly ratio: number;
  /** Whether the map's sizes are rounded up, as by padded convolutions, or down. */
  readonly rounding: "up" | "down";
  readonly patch: Pair;
  /** The size that the position embeddings cover. */
  readonly size: Pair;
  /** Width of the projection of a patch; without it the map's own channels are the tokens. */
  readonly width: number | undefined;
  readonly bias: boolean;
  /** Refuses other sizes: position embeddings are added. */
  readonly strict: boolean;
  /** A map [N, H, W, C] instead of tokens. */
  readonly map: boolean;
}

/** Patches of the map that a convolutional network makes of an image (timm's HybridEmbed; Dosovitskiy et al. 2020, section 3.1). */
export function hybridPatches(image: Value, o: HybridOptions) {
  const [h = 1, w = 1] = image.type.shape.slice(2);
  const divide = o.rounding === "up" ? ceilDivDim : floorDivDim;
  const along = (extent: Dim, axis: 0 | 1): Dim => floorDivDim(divide(extent, o.ratio), o.patch[axis]);
  const round = o.rounding === "up" ? Math.ceil : Math.floor;
  const native = (axis: 0 | 1): number => Math.floor(round(o.size[axis] / o.ratio) / o.patch[axis]);
  const module: Module = (s, x) => {
    if (o.strict) needSize(x, o.size);
    const project = conv2d(o.width ?? 0, { kernel: o.patch, stride: o.patch, padding: 0, bias: o.bias });
    const map = s.chain(x, { backbone: o.backbone, proj: o.width === undefined ? undefined : project });
    return o.map ? s.transpose(map, { perm: [0, 2, 3, 1] }) : toTokens(s, map);
  };
  const grid: [Dim, Dim] = [along(h, 0), along(w, 1)];
  return { module, native: [native(0), native(1)] as Pair, grid, reduction: o.ratio * Math.max(...o.patch) };
}
