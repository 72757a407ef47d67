import type { Value } from "../../ir/value.ts";
import { act } from "../layers/act.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { type NormAct, normAct } from "../layers/norm-act.ts";
import { separableConv2d } from "../layers/separable-conv.ts";
import type { Module } from "../scope.ts";
import type { Block, XceptionAlignedConfig } from "./config.ts";

export interface Place extends Block {
  readonly dilation: number;
  /** Sees the result of a layer inside, which is a feature. */
  readonly note: (value: Value) => void;
}

export const normOf = (c: XceptionAlignedConfig): NormAct => ({ kind: "batchnorm", eps: c.norm_layer.eps });

const spatial = (p: Place, i: number) => ({ kernel: 3, stride: i === 2 ? p.stride : 1, dilation: p.dilation });

const changes = (p: Place, x: Value): boolean => p.stride !== 1 || x.type.shape[1] !== p.outs[2];

/** Three separable convolutions, each with an activation before it, or behind both of its parts; the third strides. */
export const xceptionModule =
  (c: XceptionAlignedConfig, p: Place): Module =>
  (s, x) => {
    const inside = p.last === true;
    const normalise = batchNorm(c.norm_layer.eps);
    const active = inside ? act(c.act_layer) : undefined;
    const separable = (i: number): Module => {
      const parts = { conv_dw: depthwise(spatial(p, i)), bn_dw: normalise, act_dw: active };
      return (t, y) => t.chain(y, { ...parts, conv_pw: conv2d(p.outs[i] ?? 0), bn_pw: normalise, act_pw: active });
    };
    const stack: Module = (t, input) =>
      [0, 1, 2].reduce((y, i) => {
        const z = t.chain(y, { [`act${i + 1}`]: inside ? undefined : act(c.act_layer) });
        if (i === 2) p.note(z);
        return t.call(`conv${i + 1}`, separable(i), z);
      }, input);
    const y = s.call("stack", stack, x);
    if (inside) return y;
    const project = convNormAct(p.outs[2], { stride: p.stride, norm: normOf(c), act: undefined });
    return s.add(y, changes(p, x) ? s.call("shortcut", project, x) : x);
  };

/** The same with norm and activation before each convolution; the shortcut begins after the first of them. */
export const preXceptionModule =
  (c: XceptionAlignedConfig, p: Place): Module =>
  (s, x) => {
    const normalise = normAct(normOf(c), c.act_layer);
    const active = s.call("norm", normalise, x);
    const separable =
      (i: number): Module =>
      (t, y) =>
        separableConv2d(p.outs[i] ?? 0, spatial(p, i))(t, i === 0 ? y : t.call("norm", normalise, y));
    const stack: Module = (t, input) =>
      [0, 1, 2].reduce((y, i) => {
        const z = t.call(`conv${i + 1}`, separable(i), y);
        if (i === 1) p.note(z);
        return z;
      }, input);
    const y = s.call("stack", stack, active);
    if (p.last === true) return y;
    return s.add(y, changes(p, x) ? s.call("shortcut", conv2d(p.outs[2], { stride: p.stride }), active) : active);
  };
