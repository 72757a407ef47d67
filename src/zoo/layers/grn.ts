import type { Module } from "../scope.ts";

/**
 * Global response normalisation (Woo et al. 2023, ConvNeXt V2, eq. 1 to 3): x + bias + weight x n, where n is the L2 norm
 * of each channel's map over the mean of these norms. Over NHWC maps, or NCHW ones with `channels` 1.
 */
export const globalResponseNorm =
  (channels: 1 | 3 = 3, eps = 1e-6): Module =>
  (s, x) => {
    const c = x.type.shape[channels] ?? 0;
    const affine = channels === 1 ? [c, 1, 1] : [c];
    const space = channels === 1 ? [2, 3] : [1, 2];
    const norm = s.sqrt(s.reduce_sum(s.mul(x, x), { axes: space, keep: true }));
    const mean = s.reduce_mean(norm, { axes: [channels], keep: true });
    const scaled = s.mul(x, s.div(norm, s.add(mean, s.scalar(eps))));
    const weight = s.reshape(s.param("weight", [c]), { shape: affine });
    const bias = s.reshape(s.param("bias", [c]), { shape: affine });
    return s.add(x, s.add(bias, s.mul(weight, scaled)));
  };
