import type { Module } from "../scope.ts";

/** nn.Linear: `weight` [out, in], `bias` [out]. */
export const linear =
  (out: number, { bias = true }: { readonly bias?: boolean } = {}): Module =>
  (s, x) =>
    s.linear(x, s.param("weight", [out, x.type.shape.at(-1) ?? 0]), bias ? s.param("bias", [out]) : undefined);
