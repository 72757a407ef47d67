import { act } from "../layers/act.ts";
import { attnLayer } from "../layers/attn-layer.ts";
import { convNormAct } from "../layers/conv-norm-act.ts";
import { avgPool } from "../layers/pool.ts";
import { roundHalfEven } from "../layers/rounding.ts";
import { split } from "../layers/split.ts";
import type { StageStride } from "../layers/stage-strides.ts";
import type { Module } from "../scope.ts";
import type { CspNetConfig } from "./config.ts";
import type { StageDesign } from "./design.ts";

/** A residual block inside a stage. */
function block(c: CspNetConfig, d: StageDesign, dilation: number): Module {
  const style = { norm: c.norm_layer, act: c.act_layer };
  const out = roundHalfEven(d.out * d.blockRatio);
  const mid = roundHalfEven(out * d.bottleRatio);
  const attention = d.attn && attnLayer(d.attn.name, mid, d.attn.kwargs, c.act_layer);
  const spatial = { ...style, kernel: 3, dilation, groups: d.groups };
  switch (d.block) {
    case "bottle":
      return (s, x) => {
        const y = s.chain(x, {
          conv1: convNormAct(mid, style),
          conv2: convNormAct(mid, spatial),
          attn2: attention,
          conv3: convNormAct(out, { ...style, act: undefined }),
        });
        return s.call("act3", act(c.act_layer), s.add(y, x));
      };
    case "dark":
      return (s, x) => {
        const y = s.chain(x, { conv1: convNormAct(mid, style), attn: attention, conv2: convNormAct(out, spatial) });
        return s.add(y, x);
      };
    case "edge":
      return (s, x) => {
        const y = s.chain(x, { conv1: convNormAct(mid, spatial), attn: attention, conv2: convNormAct(out, style) });
        return s.add(y, x);
      };
    default:
      return d.block satisfies never;
  }
}

/** The convolution that takes a stage's stride, or none. */
function down(c: CspNetConfig, d: StageDesign, at: StageStride): Module | undefined {
  const style = { norm: c.norm_layer, act: c.act_layer, groups: d.groups };
  if (d.stage !== "dark" && at.stride === 1 && at.firstDilation === at.dilation) return undefined;
  if (d.avgDown) return (s, x) => s.sequence(x, [at.stride === 2 ? avgPool(2) : undefined, convNormAct(d.out, style)]);
  return (s, x) => {
    const channels = s.channels(x);
    const out = d.stage === "dark" || d.downGrowth ? d.out : channels;
    const geometry = { kernel: 3, stride: at.stride, dilation: at.firstDilation, aa: c.aa_layer };
    return convNormAct(out, { ...style, ...geometry })(s, x);
  };
}

/** Fig. 3 of the paper: half of the channels go past the blocks. The third version has no transition inside, and swaps. */
export function stage(c: CspNetConfig, d: StageDesign, at: StageStride): Module {
  const style = { norm: c.norm_layer, act: c.act_layer };
  const list = Array.from({ length: d.depth }, () => block(c, d, at.dilation));
  const blocks: Module = (s, x) => s.sequence(x, list);
  const conv_down = down(c, d, at);
  if (d.stage === "dark") return (s, x) => s.chain(x, { conv_down, blocks });
  return (s, x) => {
    const wide = roundHalfEven(d.out * d.expandRatio);
    const half = Math.floor(wide / 2);
    const expand = convNormAct(wide, { ...style, act: d.crossLinear ? undefined : c.act_layer });
    const [first, second] = split(s, s.chain(x, { conv_down, conv_exp: expand }), [half, half], 1);
    const parts =
      d.stage === "csp"
        ? [first, s.chain(second, { blocks, conv_transition_b: convNormAct(half, style) })]
        : [s.chain(first, { blocks }), second];
    return s.chain(s.concat(parts, { axis: 1 }), { conv_transition: convNormAct(d.out, style) });
  };
}
