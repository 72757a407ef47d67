/** What the Inception networks are made of: Szegedy et al. 2015 (arXiv:1512.00567) and 2016 (1602.07261). */
import { commonArgs, globalPool } from "../family.ts";
import { type ConfigOf, dropRates, number } from "../schema.ts";
import type { Module } from "../scope.ts";
import { actLayer } from "./act.ts";
import { convNormAct } from "./conv-norm-act.ts";
import type { Pair } from "./conv.ts";
import { normActLayerOr } from "./norm-act.ts";
import { avgPool, maxPool } from "./pool.ts";

/** The arguments that all of them take. */
export const inceptionArgs = {
  ...commonArgs,
  drop_rate: dropRates.drop_rate,
  global_pool: globalPool(),
  norm_layer: normActLayerOr({ kind: "batchnorm2d" }),
  norm_eps: number(1e-3, "eps of the normalisation", { min: 0 }),
  act_layer: actLayer("relu"),
};

type InceptionConfig = ConfigOf<typeof inceptionArgs>;

/** A convolution with norm and activation, without padding unless told. */
export type InceptionConv = (
  out: number,
  kernel?: number | Pair,
  options?: { readonly stride?: number; readonly padding?: number | Pair },
) => Module;

export const inceptionConv =
  (c: Pick<InceptionConfig, "norm_layer" | "norm_eps" | "act_layer">): InceptionConv =>
  (out, kernel = 1, { stride = 1, padding = 0 } = {}) =>
    convNormAct(out, { kernel, stride, padding, norm: { ...c.norm_layer, eps: c.norm_eps }, act: c.act_layer });

/** Zeros that keep the size under a kernel of odd extents. */
export const keeping = (kernel: number | Pair): { readonly padding: number | Pair } => ({
  padding: typeof kernel === "number" ? (kernel - 1) / 2 : [(kernel[0] - 1) / 2, (kernel[1] - 1) / 2],
});

/** Towers over the same map, side by side; each names its own layers. */
export const towers =
  (list: readonly Module[]): Module =>
  (s, x) =>
    s.concat(
      list.map((tower) => tower(s, x)),
      { axis: 1 },
    );

/** Towers called branch0, branch1 and so on: one layer, or several in a row. */
export const branches = (list: readonly (Module | readonly Module[])[]): Module =>
  towers(
    list.map((layers, i): Module => {
      const module: Module = typeof layers === "function" ? layers : (t, y) => t.sequence(y, layers);
      return (s, x) => s.call(`branch${i}`, module, x);
    }),
  );

export const halvingPool = maxPool(3, { stride: 2 });
/** The mean over the neighbours inside the map. */
export const meanPool = avgPool(3, { stride: 1, padding: 1, countPad: false });
