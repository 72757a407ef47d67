/** The blocks of MobileNetV4 (Qin et al. 2024, arXiv:2404.10518): universal inverted bottleneck (fig. 4), mobile attention. */
import { TimmcError } from "../../ir/error.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { layerScale2d } from "../layers/layer-scale.ts";
import { multiQueryAttention2d } from "../layers/multi-query-attention.ts";
import { normAct } from "../layers/norm-act.ts";
import { makeDivisible } from "../layers/rounding.ts";
import type { Module } from "../scope.ts";
import type { AttentionSpec, UniversalSpec } from "./block-string.ts";
import { type BlockModule, type Style, groupsOf, skipped } from "./blocks.ts";
import type { Place } from "./plan.ts";

/** uir: UniversalInvertedResidual. The stride is the middle convolution's, else the first's, else the last's. */
export const universalBlock =
  (c: Style, b: UniversalSpec & Place): BlockModule =>
  (s, x) => {
    const act = b.act ?? c.act;
    const mid = makeDivisible(b.in * b.expansion);
    const [start, middle, end] = [b.startKernel > 0, b.kernel > 0, b.endKernel > 0];
    if (c.aa !== undefined && b.stride > 1 && !start && !middle)
      throw new TimmcError("unsupported", "aa_layer: timm has no anti-aliasing after a block's last convolution");
    const conv = (channels: number, kernel: number, stride: number, active: boolean, aa = c.aa): Module | undefined =>
      kernel === 0
        ? undefined
        : convNormAct(channels, {
            kernel,
            stride,
            dilation: b.dilation,
            groups: groupsOf(channels, b.groupSize ?? 1),
            padding: c.padding,
            norm: c.norm,
            act: active ? act : undefined,
            aa,
          });
    const point = (channels: number, active: boolean): Module =>
      convNormAct(channels, { padding: c.padding, norm: c.norm, act: active ? act : undefined });
    const wide = s.chain(x, {
      dw_start: conv(b.in, b.startKernel, middle ? 1 : b.stride, false),
      pw_exp: point(mid, true),
      dw_mid: conv(mid, b.kernel, b.stride, true),
      se: b.seRatio > 0 ? c.se(mid, b.seRatio, act) : undefined,
    });
    const y = s.chain(wide, {
      pw_proj: point(b.out, false),
      dw_end: end ? conv(b.out, b.endKernel, start || middle ? 1 : b.stride, false, undefined) : undefined,
      layer_scale: c.layerScale ? layerScale2d : undefined,
    });
    return { out: skipped(s, x, y, b), wide: { value: wide, module: "pw_proj.conv" } };
  };

/** mqa: MobileAttention with multi-query attention. It has nothing wide inside. */
export const attentionBlock =
  (c: Style, b: AttentionSpec & Place): BlockModule =>
  (s, x) => {
    const norm = normAct(c.norm, undefined);
    const y = s.chain(x, {
      norm,
      attn: multiQueryAttention2d({
        out: b.out,
        heads: b.heads,
        keyDim: b.keyDim,
        valueDim: b.keyDim,
        kvStride: b.kvStride,
        kernel: b.kernel,
        dilation: b.dilation,
        padding: c.padding,
        norm,
      }),
      layer_scale: c.layerScale ? layerScale2d : undefined,
    });
    return { out: skipped(s, x, y, b), wide: undefined };
  };
