import { act } from "../layers/act.ts";
import { attnLayer } from "../layers/attn-layer.ts";
import { avgDown } from "../layers/avg-down.ts";
import type { ConvOptions } from "../layers/conv.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { scaledStdConv2d } from "../layers/std-conv.ts";
import type { Module } from "../scope.ts";
import { type NfNetConfig, activationGains } from "./config.ts";

/** What one block needs to know of its place in the network. */
export interface Place {
  readonly out: number;
  readonly stride: number;
  readonly dilation: number;
  readonly firstDilation: number;
  /** Inverse of the deviation that the signal has here. */
  readonly beta: number;
  readonly bottleRatio: number;
}

/** The gain of the activation before a convolution is in its weights, unless the activation has it. */
export const convOf = (c: NfNetConfig, out: number, options: ConvOptions = {}): Module =>
  scaledStdConv2d(out, {
    ...options,
    padding: c.same_padding ? "same" : undefined,
    eps: c.std_conv_eps,
    gamma: c.gamma_in_act ? 1 : activationGains[c.act_layer],
  });

export const actOf = (c: NfNetConfig): Module =>
  c.gamma_in_act ? (s, x) => s.mul(act(c.act_layer)(s, x), s.scalar(activationGains[c.act_layer])) : act(c.act_layer);

/** Width of the 3x3 convolutions, and their groups. */
function middle(c: NfNetConfig, p: Place, channels: number): { readonly width: number; readonly groups: number } {
  const width = makeDivisible((c.reg ? channels : p.out) * p.bottleRatio, c.ch_div);
  if (!c.group_size) return { width, groups: 1 };
  const groups = Math.floor(width / c.group_size);
  return { width: c.group_size % c.ch_div === 0 ? groups * c.group_size : width, groups };
}

const attention = ({ attn_layer: name, attn_kwargs }: NfNetConfig, channels: number): Module | undefined =>
  name && attnLayer(name, channels, attn_kwargs);

/** h + alpha f(beta h), where f keeps the deviation (section 4 of the paper): a bottleneck without a norm. */
export const normFreeBlock =
  (c: NfNetConfig, p: Place): Module =>
  (s, x) => {
    const channels = s.channels(x);
    const { width, groups } = middle(c, p, channels);
    const active = s.mul(s.call("act1", actOf(c), x), s.scalar(p.beta));
    const project: Module = (t, y) => t.chain(y, { pool: avgDown(p.stride, p.dilation), conv: convOf(c, p.out) });
    const changes = channels !== p.out || p.stride !== 1 || p.dilation !== p.firstDilation;
    const shortcut = changes ? s.call("downsample", project, active) : x;
    const gain: Module = (t, y) => t.mul(t.scalar(c.attn_gain), y);
    const inside = c.reg ? attention(c, width) : undefined;
    const y = s.chain(active, {
      conv1: convOf(c, width),
      act2: actOf(c),
      conv2: convOf(c, width, { kernel: 3, stride: p.stride, dilation: p.firstDilation, groups }),
      act2b: c.extra_conv ? actOf(c) : undefined,
      conv2b: c.extra_conv ? convOf(c, width, { kernel: 3, dilation: p.dilation, groups }) : undefined,
      attn: inside,
    });
    const z = s.chain(inside ? gain(s, y) : y, { act3: actOf(c), conv3: convOf(c, p.out) });
    const last = c.reg ? undefined : attention(c, p.out);
    const attended = last ? gain(s, s.call("attn_last", last, z)) : z;
    const residual = c.skipinit ? s.mul(attended, s.param("skipinit_gain", [])) : attended;
    return s.add(s.mul(residual, s.scalar(c.alpha)), shortcut);
  };
