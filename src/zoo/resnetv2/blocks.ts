import { act } from "../layers/act.ts";
import { avgDown } from "../layers/avg-down.ts";
import { type ConvOptions, conv2d } from "../layers/conv.ts";
import { normAct } from "../layers/norm-act.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { stdConv2d } from "../layers/std-conv.ts";
import type { Module } from "../scope.ts";
import type { ResNetV2Config } from "./config.ts";

/** What one block needs to know of its place in the network. */
export interface Place {
  readonly out: number;
  readonly stride: number;
  readonly dilation: number;
  readonly firstDilation: number;
  /** The first block of a stage may project its shortcut. */
  readonly first: boolean;
}

export const convOf = (c: ResNetV2Config, out: number, options: ConvOptions = {}): Module =>
  c.conv_layer === "plain" ? conv2d(out, options) : stdConv2d(out, { ...options, ...c.conv_layer });

const width = (c: ResNetV2Config, p: Place): number => makeDivisible(p.out * c.bottle_ratio);

/** A 1x1 convolution, behind an average pool in the D variants; the norm is in the block where that is pre-activated. */
const projection =
  (c: ResNetV2Config, p: Place): Module =>
  (s, x) =>
    s.chain(x, {
      pool: c.avg_down ? avgDown(p.stride, p.dilation) : undefined,
      conv: convOf(c, p.out, { stride: c.avg_down ? 1 : p.stride }),
      norm: c.preact ? undefined : normAct(c.norm_layer, undefined),
    });

export const preActBasic =
  (c: ResNetV2Config, p: Place): Module =>
  (s, x) => {
    const normalise = normAct(c.norm_layer, c.act_layer);
    const changes = p.stride !== 1 || p.firstDilation !== p.dilation || x.type.shape[1] !== p.out;
    const active = s.call("norm1", normalise, x);
    const shortcut = p.first && changes ? s.call("downsample", projection(c, p), active) : x;
    const y = s.chain(active, {
      conv1: convOf(c, width(c, p), { kernel: 3, stride: p.stride, dilation: p.firstDilation }),
      norm2: normalise,
      conv2: convOf(c, p.out, { kernel: 3, dilation: p.dilation }),
    });
    return s.add(y, shortcut);
  };

/** Fig. 1b: the shortcut of a stage's first block begins after its norm. */
export const preActBottleneck =
  (c: ResNetV2Config, p: Place): Module =>
  (s, x) => {
    const normalise = normAct(c.norm_layer, c.act_layer);
    const active = s.call("norm1", normalise, x);
    const shortcut = p.first ? s.call("downsample", projection(c, p), active) : x;
    const y = s.chain(active, {
      conv1: convOf(c, width(c, p)),
      norm2: normalise,
      conv2: convOf(c, width(c, p), { kernel: 3, stride: p.stride, dilation: p.firstDilation }),
      norm3: normalise,
      conv3: convOf(c, p.out),
    });
    return s.add(y, shortcut);
  };

/** Fig. 1a: norm and activation after each convolution. */
export const bottleneck =
  (c: ResNetV2Config, p: Place): Module =>
  (s, x) => {
    const normalise = normAct(c.norm_layer, c.act_layer);
    const shortcut = p.first ? s.call("downsample", projection(c, p), x) : x;
    const y = s.chain(x, {
      conv1: convOf(c, width(c, p)),
      norm1: normalise,
      conv2: convOf(c, width(c, p), { kernel: 3, stride: p.stride, dilation: p.firstDilation }),
      norm2: normalise,
      conv3: convOf(c, p.out),
      norm3: normAct(c.norm_layer, undefined),
    });
    return s.call("act3", act(c.act_layer), s.add(y, shortcut));
  };
