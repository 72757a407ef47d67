/** Stem, reductions and convolution blocks of MaxViT and CoAtNet. */
import { act } from "../layers/act.ts";
import { squeezeExcite } from "../layers/channel-attention.ts";
import { conv2d } from "../layers/conv.ts";
import { layerScale2d } from "../layers/layer-scale.ts";
import { mlp } from "../layers/mlp.ts";
import { norm } from "../layers/norm.ts";
import { avgPool, maxPool } from "../layers/pool.ts";
import { makeDivisible } from "../layers/rounding.ts";
import type { Module } from "../scope.ts";
import type { MaxxVitConfig, PoolType } from "./config.ts";

interface DownsampleOptions {
  readonly pool: PoolType;
  readonly bias?: boolean;
  readonly padding?: MaxxVitConfig["conv_padding"];
}

/** Pool, and a 1x1 convolution where the width changes. */
export const downsample =
  (width: number, { pool, bias = true, padding = "" }: DownsampleOptions): Module =>
  (s, x) => {
    const pad = padding === "same" ? ("same" as const) : undefined;
    const pools = {
      max: maxPool(3, { stride: 2, padding: pad ?? 1 }),
      max2: maxPool(2, { padding: pad ?? 0 }),
      avg: avgPool(3, { stride: 2, padding: pad ?? 1, countPad: false }),
      avg2: avgPool(2, { padding: pad ?? 0 }),
    } as const;
    return s.chain(x, { pool: pools[pool], expand: x.type.shape[1] === width ? undefined : conv2d(width, { bias }) });
  };

const isMb = (c: MaxxVitConfig): boolean => c.conv_block_type === "mbconv";
const paddingOf = (c: MaxxVitConfig) => (c.conv_padding === "same" ? ("same" as const) : undefined);

const convNorm = (c: MaxxVitConfig): Module =>
  norm(c.conv_norm_layer ?? (isMb(c) ? "batchnorm2d" : "layernorm2d"), c.conv_norm_eps ?? (isMb(c) ? 1e-5 : 1e-6));

/** A norm with the activation inside. */
const convNormAct =
  (c: MaxxVitConfig): Module =>
  (s, x) =>
    s.call("act", act(c.conv_act_layer), convNorm(c)(s, x));

export const stem =
  (c: MaxxVitConfig): Module =>
  (s, x) => {
    const options = { kernel: 3, padding: paddingOf(c), bias: c.stem_bias };
    return s.chain(x, {
      conv1: conv2d(c.stem_width[0], { ...options, stride: 2 }),
      norm1: convNormAct(c),
      conv2: conv2d(c.stem_width[1], options),
    });
  };

/** Sandler et al. 2018 with squeeze-excite, and a norm first (Dai et al. 2021, CoAtNet, section 2.1). */
const mbConv =
  (c: MaxxVitConfig, width: number, stride: 1 | 2): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const inner = makeDivisible((c.conv_expand_output ? width : channels) * c.conv_expand_ratio);
    const padding = c.conv_padding;
    const excite = squeezeExcite({
      width: Math.trunc(c.conv_attn_ratio * (c.conv_expand_output ? width : inner)),
      act: c.conv_attn_act_layer,
    });
    const reduce = downsample(width, { pool: c.conv_pool_type, bias: c.conv_output_bias, padding });
    const pool = downsample(channels, { pool: c.conv_downsample_pool_type, padding });
    const strideOf = (mode: MaxxVitConfig["conv_stride_mode"]): number => (c.conv_stride_mode === mode ? stride : 1);
    const y = s.chain(x, {
      pre_norm: c.conv_pre_norm_act ? convNormAct(c) : convNorm(c),
      down: strideOf("pool") > 1 ? pool : undefined,
      conv1_1x1: conv2d(inner, { stride: strideOf("1x1") }),
      norm1: convNormAct(c),
      conv2_kxk: conv2d(inner, {
        kernel: c.conv_kernel_size,
        stride: strideOf("dw"),
        groups: inner,
        padding: paddingOf(c),
      }),
      se_early: c.conv_attn_early ? excite : undefined,
      norm2: convNormAct(c),
      se: c.conv_attn_early ? undefined : excite,
      conv3_1x1: conv2d(width, { bias: c.conv_output_bias }),
    });
    return s.add(y, s.chain(x, { shortcut: stride === 2 ? reduce : undefined }));
  };

/** Liu et al. 2022, fig. 4. */
const convNext =
  (c: MaxxVitConfig, width: number, stride: 1 | 2): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const bias = c.conv_output_bias;
    const pools = c.conv_stride_mode === "pool";
    const changed = channels === width ? undefined : conv2d(width, { bias });
    const shortcut = stride === 2 ? downsample(width, { pool: "avg2" }) : changed;
    const y = s.chain(x, {
      down: pools && stride === 2 ? downsample(channels, { pool: c.conv_downsample_pool_type }) : undefined,
      conv_dw: conv2d(width, { kernel: 7, stride: pools ? 1 : stride, groups: channels, bias }),
      norm: convNorm(c),
      mlp: mlp(Math.trunc(c.conv_expand_ratio * width), { conv: true, bias, act: c.conv_act_layer }),
      ls: c.conv_init_values ? layerScale2d : undefined,
    });
    return s.add(y, s.chain(x, { shortcut }));
  };

export const convBlock = (c: MaxxVitConfig, width: number, stride: 1 | 2): Module =>
  isMb(c) ? mbConv(c, width, stride) : convNext(c, width, stride);
