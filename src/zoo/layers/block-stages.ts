import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Stage } from "../family.ts";
import type { Module, Scope } from "../scope.ts";
import type { FinalNorm } from "./intermediate.ts";
import { toMap } from "./patch-embed.ts";
import { dropTokens } from "./tokens.ts";

/** Modules one after the other, named by their index; what each returns is noted. */
export const noting =
  (modules: readonly Module[], outputs: Value[]): Module =>
  (s, x) =>
    modules.reduce((y, module, i) => {
      const z = s.call(i, module, y);
      outputs.push(z);
      return z;
    }, x);

/** The stages of a hierarchy one after the other, each half the size of the one before; the first has `reduction` pixels per place. */
export const halvingStages =
  (modules: readonly Module[], stages: Stage[], reduction = 4, format: Stage["format"] = "NCHW"): Module =>
  (s, x) =>
    modules.reduce((y, module, i) => {
      const value = s.call(i, module, y);
      stages.push({ module: `stages.${i}`, value, reduction: reduction * 2 ** i, format });
      return value;
    }, x);

interface BlockStages {
  /** Rows and columns of patches. */
  readonly grid: readonly [Dim, Dim];
  /** Pixels per patch. */
  readonly reduction: number;
  /** Class and register tokens before those of the patches. */
  readonly prefix?: number;
  /** Applied to any block's tokens on demand. */
  readonly norm?: FinalNorm | undefined;
  /** The list of blocks. */
  readonly path?: string;
}

/** A feature map per block of a network whose tokens [N, L, C] keep their number (timm's forward_intermediates). */
export const blockStages = (
  s: Scope,
  outputs: readonly Value[],
  { grid, reduction, prefix = 0, norm, path = "blocks" }: BlockStages,
): Stage[] => {
  const mapOf = (x: Value): Value => toMap(s, dropTokens(s, x, prefix), grid);
  return outputs.map((x, i) => ({
    module: `${path}.${i}`,
    value: mapOf(x),
    reduction,
    format: "NCHW",
    intermediate: (wanted) => {
      const normed = wanted && norm !== undefined;
      const y = normed ? norm.module(s.at(norm.path), x) : x;
      const tokens = prefix === 0 ? undefined : s.slice(y, { axis: 1, range: [0, prefix] });
      return { value: mapOf(y), prefix: tokens, normed };
    },
  }));
};
