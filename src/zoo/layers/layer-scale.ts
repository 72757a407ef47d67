import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";

/** x times a learned `gamma` per channel of the last axis (Touvron et al. 2021, CaiT). */
export const layerScale: Module = (s, x) => s.mul(x, s.param("gamma", [x.type.shape.at(-1) ?? 0]));

/** The same where the block itself holds the parameter, by a name of its own. */
export const scaleBy = (s: Scope, name: string, x: Value): Value => s.mul(s.param(name, [x.type.shape.at(-1) ?? 0]), x);

/** The same over axis 1 of NCHW maps. */
export const layerScale2d: Module = (s, x) => {
  const channels = x.type.shape[1] ?? 0;
  return s.mul(x, s.reshape(s.param("gamma", [channels]), { shape: [channels, 1, 1] }));
};

/** The same where the checkpoint holds `gamma` as [C, 1, 1]. */
export const layerScaleOfMaps: Module = (s, x) => s.mul(x, s.param("gamma", [x.type.shape[1] ?? 0, 1, 1]));
