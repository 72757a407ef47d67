import { type Arg, oneOf } from "../schema.ts";
import type { Module } from "../scope.ts";

/** nn.BatchNorm1d/2d at inference, over axis 1. */
export const batchNorm =
  (eps = 1e-5): Module =>
  (s, x) => {
    const c = [x.type.shape[1] ?? 0];
    const result = s.batch_norm(
      x,
      s.param("weight", c),
      s.param("bias", c),
      s.param("running_mean", c, { kind: "buffer" }),
      s.param("running_var", c, { kind: "buffer" }),
      { eps },
    );
    s.param("num_batches_tracked", [], { dtype: "i64", kind: "buffer" });
    return result;
  };

/** LayerNorm over the last axis. timm's class has eps 1e-6, torch's 1e-5: callers say which. */
export const layerNorm =
  (eps: number): Module =>
  (s, x) => {
    const c = [x.type.shape.at(-1) ?? 0];
    return s.layer_norm(x, s.param("weight", c), s.param("bias", c), { eps });
  };

export const rmsNorm =
  (eps = 1e-6): Module =>
  (s, x) =>
    s.rms_norm(x, s.param("weight", [x.type.shape.at(-1) ?? 0]), { eps });

/** A norm over channels applied to NCHW maps: to channels last and back (LayerNorm2d and its kin). */
export const channelsLast =
  (norm: Module): Module =>
  (s, x) =>
    s.transpose(norm(s, s.transpose(x, { perm: [0, 2, 3, 1] })), { perm: [0, 3, 1, 2] });

/** nn.GroupNorm with timm's argument order; `groups` 32 unless told. */
export const groupNorm =
  (groups = 32, eps = 1e-5): Module =>
  (s, x) => {
    const c = [x.type.shape[1] ?? 0];
    return s.group_norm(x, s.param("weight", c), s.param("bias", c), { groups, eps });
  };

/** x / sqrt(unbiased variance + eps) * weight over the last axis: no mean is subtracted (timm's SimpleNorm). */
export const simpleNorm =
  (eps = 1e-6): Module =>
  (s, x) => {
    const n = s.features(x);
    const centred = s.sub(x, s.reduce_mean(x, { axes: [-1], keep: true }));
    const variance = s.mul(s.reduce_sum(s.mul(centred, centred), { axes: [-1], keep: true }), s.scalar(1 / (n - 1)));
    return s.mul(s.mul(x, s.rsqrt(s.add(variance, s.scalar(eps)))), s.param("weight", [n]));
  };

/** timm's names of norm layers (layers/create_norm.py), underscores ignored: those that normalise NCHW maps. */
const mapNorms = {
  batchnorm: (eps) => batchNorm(eps),
  batchnorm2d: (eps) => batchNorm(eps),
  groupnorm: (eps) => groupNorm(32, eps),
  groupnorm1: (eps) => groupNorm(1, eps),
  layernorm2d: (eps = 1e-6) => channelsLast(layerNorm(eps)),
  rmsnorm2d: (eps) => channelsLast(rmsNorm(eps)),
  simplenorm2d: (eps) => channelsLast(simpleNorm(eps)),
} as const satisfies Record<string, (eps?: number) => Module>;

/** Those over the last axis. On NCHW maps that is the width, where timm's layers of `channels` weights fail. */
const lastAxisNorms = {
  layernorm: (eps = 1e-6) => layerNorm(eps),
  rmsnorm: (eps) => rmsNorm(eps),
  simplenorm: (eps) => simpleNorm(eps),
} as const satisfies Record<string, (eps?: number) => Module>;

const norms = { ...mapNorms, ...lastAxisNorms };
export type NormName = keyof typeof norms;
export type MapNormName = keyof typeof mapNorms;
/** The norm of this name; `eps` where it is not the layer's own. */
export const norm = (name: NormName, eps?: number): Module => norms[name](eps);

const namesOf = <T extends NormName>(table: Readonly<Record<T, unknown>>): readonly T[] => Object.keys(table) as T[];

/** Underscores and case do not matter, as in timm. */
const anySpelling = <T extends NormName>(names: readonly T[], fallback: NoInfer<T>): Arg<T> => {
  const arg: Arg<T> = oneOf<T>(names, fallback, "the normalisation");
  return { ...arg, read: (v) => arg.read(typeof v === "string" ? v.replaceAll("_", "").toLowerCase() : v) };
};

/** The argument `norm_layer` of networks that have both kinds. */
export const normLayer = (fallback: NormName): Arg<NormName> => anySpelling(namesOf(norms), fallback);

/** The argument `norm_layer` of networks of NCHW maps. */
export const mapNormLayer = (fallback: MapNormName): Arg<MapNormName> => anySpelling(namesOf(mapNorms), fallback);
