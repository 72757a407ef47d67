import type { Arg } from "../schema.ts";
import type { Module } from "../scope.ts";
import { layerNorm, rmsNorm, simpleNorm } from "./norm.ts";

/** timm's norms that take tokens [N, L, C]; those computed in float32 whatever the precision of x are the same here. */
const kinds = {
  layernorm: layerNorm,
  layernormfp32: layerNorm,
  rmsnorm: rmsNorm,
  rmsnormfp32: rmsNorm,
  simplenorm: simpleNorm,
  simplenormfp32: simpleNorm,
} as const satisfies Record<string, (eps: number) => Module>;

type Kind = keyof typeof kinds;
const names = Object.keys(kinds) as readonly Kind[];

/** A norm by timm's name; timm's own default of epsilon is 1e-6 for all of them. */
export interface TokenNorm {
  readonly name: Kind;
  readonly eps?: number;
}

/** Over the last axis. */
export const tokenNorm = ({ name, eps = 1e-6 }: TokenNorm): Module => kinds[name](eps);

/** An argument that names a norm over the last axis; underscores and case do not matter, as in timm. */
export const tokenNormLayer = (fallback: TokenNorm, doc: string): Arg<TokenNorm> => ({
  type: names.map((n) => JSON.stringify(n)).join(" | "),
  default: fallback,
  doc,
  inert: false,
  read: (json) => {
    if (typeof json !== "string") return undefined;
    const name = names.find((n) => n === json.replaceAll("_", "").toLowerCase());
    return name && { name };
  },
});
