/** FastViT's blocks (arXiv:2303.14189, fig. 2): token mixing by convolution or by attention, then an MLP. */
import { act } from "../layers/act.ts";
import { attention } from "../layers/attention.ts";
import { conv2d } from "../layers/conv.ts";
import { convBn } from "../layers/conv-bn.ts";
import { layerScaleOfMaps } from "../layers/layer-scale.ts";
import { norm } from "../layers/norm.ts";
import { toMap, toTokens } from "../layers/patch-embed.ts";
import type { Module } from "../scope.ts";
import { mobileOne } from "./branches.ts";
import type { FastVitConfig } from "./config.ts";

/** A 7x7 depthwise convolution, then two pointwise ones. */
const convMlp =
  (ratio: number): Module =>
  (s, x) => {
    const channels = s.channels(x);
    return s.chain(x, {
      conv: convBn(channels, { kernel: 7, groups: channels }, "conv"),
      fc1: conv2d(channels * ratio, { bias: true }),
      act: act("gelu"),
      fc2: conv2d(channels, { bias: true }),
    });
  };

/** x + scale (mixer(x) - norm(x)): one depthwise convolution at inference. */
const repMixer =
  (c: FastVitConfig): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const kernel = c.repmixer_kernel_size;
    if (c.inference_mode) return s.call("reparam_conv", conv2d(channels, { kernel, groups: channels, bias: true }), x);
    const plain = { kernel, depthwise: true, merged: false };
    const mixed = s.call("mixer", mobileOne(channels, plain), x);
    const normed = s.call("norm", mobileOne(channels, { ...plain, convs: 0, scale: false }), x);
    return s.add(x, s.call("layer_scale", layerScaleOfMaps, s.sub(mixed, normed)));
  };

export const repMixerBlock =
  (c: FastVitConfig, ratio: number): Module =>
  (s, x) => {
    const y = s.call("token_mixer", repMixer(c), x);
    return s.add(y, s.chain(y, { mlp: convMlp(ratio), layer_scale: layerScaleOfMaps }));
  };

const headDim = 32;

const mapAttention: Module = (s, x) => {
  const [, , h = 1, w = 1] = x.type.shape;
  const mixed = attention({ heads: s.channels(x) / headDim })(s, toTokens(s, x));
  return toMap(s, mixed, [h, w]);
};

export const attentionBlock =
  (c: FastVitConfig, ratio: number): Module =>
  (s, x) => {
    const y = s.add(
      x,
      s.chain(x, { norm: norm(c.norm, 1e-5), token_mixer: mapAttention, layer_scale_1: layerScaleOfMaps }),
    );
    return s.add(y, s.chain(y, { mlp: convMlp(ratio), layer_scale_2: layerScaleOfMaps }));
  };
