import { act } from "../layers/act.ts";
import { avgDown } from "../layers/avg-down.ts";
import { squeezeExcite } from "../layers/channel-attention.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { conv2d } from "../layers/conv.ts";
import { normAct } from "../layers/norm-act.ts";
import { roundHalfEven } from "../layers/rounding.ts";
import type { Module } from "../scope.ts";
import type { RegNetConfig } from "./config.ts";

/** What a block needs to know of its place in the network. */
export interface Place {
  readonly in: number;
  readonly out: number;
  readonly groupSize: number;
  readonly stride: number;
  /** Of the block's own convolution, and of those after it in the stage. */
  readonly dilation: readonly [own: number, next: number];
}

const bottleneckWidth = (c: RegNetConfig, p: Place): number => roundHalfEven(p.out * c.bottle_ratio);

const middle = (c: RegNetConfig, p: Place) => ({
  kernel: 3,
  stride: p.stride,
  dilation: p.dilation[0],
  groups: Math.floor(bottleneckWidth(c, p) / p.groupSize),
});

/** Its width is that of the block's input, a quarter of it in the Y networks, and not of what it gates. */
function squeeze(c: RegNetConfig, p: Place): Module | undefined {
  const width = roundHalfEven(p.in * c.se_ratio);
  if (c.se_ratio === 0) return undefined;
  return squeezeExcite({ ...(width === 0 ? {} : { width }), act: c.act_layer });
}

/** "none" where a block whose shape changes goes without a shortcut. */
function shortcutOf(c: RegNetConfig, p: Place): Module | "identity" | "none" {
  if (p.in === p.out && p.stride === 1 && p.dilation[0] === p.dilation[1]) return "identity";
  if (c.downsample === "") return "none";
  const project = (stride: number): Module =>
    c.preact ? conv2d(p.out, { stride }) : convNormAct(p.out, { stride, norm: c.norm_layer, act: undefined });
  if (c.downsample === "conv1x1") return project(p.stride);
  return (s, x) => s.sequence(x, [avgDown(p.stride, p.dilation[0]), project(1)]);
}

const withShortcut =
  (c: RegNetConfig, p: Place, residual: Module): Module =>
  (s, x) => {
    const shortcut = shortcutOf(c, p);
    const y = residual(s, x);
    if (shortcut === "none") return y;
    return s.add(y, shortcut === "identity" ? x : s.call("downsample", shortcut, x));
  };

/** Fig. 6: 1x1, grouped 3x3, 1x1; squeeze-excite after the 3x3 in the Y networks. */
export const bottleneck =
  (c: RegNetConfig, p: Place): Module =>
  (s, x) => {
    const style = { norm: c.norm_layer, act: c.act_layer };
    const width = bottleneckWidth(c, p);
    const residual: Module = (t, y) =>
      t.chain(y, {
        conv1: convNormAct(width, style),
        conv2: convNormAct(width, { ...style, ...middle(c, p) }),
        se: squeeze(c, p),
        conv3: convNormAct(p.out, { ...style, act: undefined }),
      });
    const y = withShortcut(c, p, residual)(s, x);
    return s.chain(y, { act3: c.linear_out ? undefined : act(c.act_layer) });
  };

/** The same with norm and activation before each convolution; the shortcut begins after the first of them. */
export const preBottleneck =
  (c: RegNetConfig, p: Place): Module =>
  (s, x) => {
    const normalise = normAct(c.norm_layer, c.act_layer);
    const width = bottleneckWidth(c, p);
    const residual: Module = (t, y) =>
      t.chain(y, {
        conv1: conv2d(width),
        norm2: normalise,
        conv2: conv2d(width, middle(c, p)),
        se: squeeze(c, p),
        norm3: normalise,
        conv3: conv2d(p.out),
      });
    return withShortcut(c, p, residual)(s, s.call("norm1", normalise, x));
  };
