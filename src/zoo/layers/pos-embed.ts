import { type Dim, isStatic, mulDim, printDim, sameDim, sameShape } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { ResizeOptions } from "../../ir/ops/resize.ts";
import type { Value } from "../../ir/value.ts";
import type { Ops } from "../scope.ts";
import { toMap, toTokens } from "./patch-embed.ts";

/** How timm interpolates stored embeddings: bicubic with antialiasing, but for FlexiViT and Google's files. */
export type Interpolation = Pick<ResizeOptions, "mode" | "antialias">;

export const bicubic: Interpolation = { mode: "cubic", antialias: true };
export const bilinear: Interpolation = { mode: "linear", antialias: false };

/**
 * Refuses a symbolic grid where one of its values is the square that takes the embeddings of another grid as they are: at that
 * size alone nothing is interpolated.
 */
function requireOneRule(from: readonly [Dim, Dim], to: readonly [Dim, Dim]): void {
  const patches = mulDim(...from);
  if (to.every(isStatic) || sameDim(from[0], from[1]) || !isStatic(patches) || !Number.isInteger(Math.sqrt(patches)))
    return;
  const side = Math.sqrt(patches);
  throw new TimmcError(
    "unsupported",
    `timm takes the positions of ${from.map(printDim).join("x")} patches as they are for ${side}x${side}, and interpolates them for other grids`,
  );
}

/**
 * Position embeddings [1, prefix + rows columns, C] learned on one grid, interpolated to another; those of the prefix
 * tokens stay (timm's resample_abs_pos_embed). As in timm, a square grid of as many patches takes them as they are.
 */
export function resamplePosEmbed(
  s: Ops,
  table: Value,
  from: readonly [Dim, Dim],
  to: readonly [Dim, Dim],
  prefix: number,
  interpolation: Interpolation = bicubic,
): Value {
  const isSquare = sameDim(to[0], to[1]);
  requireOneRule(from, to);
  if (sameShape(from, to) || (isSquare && sameDim(mulDim(...from), mulDim(...to)))) return table;
  const length = table.type.shape[1] ?? prefix;
  const patches = s.slice(table, { axis: 1, range: [prefix, length] });
  const map = s.resize(toMap(s, patches, from), { axes: [2, 3], size: [...to], ...interpolation });
  const resized = toTokens(s, map);
  return prefix === 0 ? resized : s.concat([s.slice(table, { axis: 1, range: [0, prefix] }), resized], { axis: 1 });
}
