import { type Dim, mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import { resamplePosEmbed } from "./pos-embed.ts";

/** Tokens before those of the patches: parameters of the model, and how many tokens each holds. */
export type Prefix = readonly (readonly [name: string, count: number])[];

/** Those that are there: a count of 0 is none. */
export const prefixTokens = (...tokens: Prefix): Prefix => tokens.filter(([, count]) => count > 0);

export const prefixLength = (prefix: Prefix): number => prefix.reduce((sum, [, count]) => sum + count, 0);

/** Learned position embeddings, the parameter `pos_embed`. */
interface Positions {
  /** Rows and columns that the parameter covers. */
  readonly native: readonly [number, number];
  /** Rows and columns in this image. */
  readonly grid: readonly [Dim, Dim];
  /** Whether the tokens before the patches have positions too. */
  readonly ofPrefix: boolean;
}

/** Patches [N, L, C], or a map [N, H, W, C], as tokens with those before them and positions added (Dosovitskiy et al. 2020, eq. 1). */
export function embedTokens(s: Scope, patches: Value, prefix: Prefix, positions?: Positions): Value {
  const [n = 1, h = 1, w = 1] = patches.type.shape;
  const width = patches.type.shape.at(-1) ?? 1;
  const x = patches.type.shape.length === 4 ? s.reshape(patches, { shape: [n, mulDim(h, w), width] }) : patches;
  const tokens = prefix.map(([name, count]) =>
    s.expand(s.param(name, [1, count, width]), { shape: [n, count, width] }),
  );
  const join = (y: Value): Value => (tokens.length === 0 ? y : s.concat([...tokens, y], { axis: 1 }));
  if (positions === undefined) return join(x);
  const { native, grid, ofPrefix } = positions;
  const covered = ofPrefix ? prefixLength(prefix) : 0;
  const table = s.param("pos_embed", [1, covered + native[0] * native[1], width]);
  const added = resamplePosEmbed(s, table, native, grid, covered);
  return ofPrefix ? s.add(join(x), added) : join(s.add(x, added));
}
