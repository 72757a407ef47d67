/**
 * The blocks of MobileNets and EfficientNets: Howard et al. 2017 (arXiv:1704.04861), Sandler et al. 2018 (1801.04381,
 * fig. 3b), Tan and Le 2019 (1905.11946), fused MBConv of EfficientNet-EdgeTPU and EfficientNetV2 (2104.00298, fig. 2).
 */
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import type { ActName } from "../layers/act.ts";
import { type AaLayer, antiAlias } from "../layers/blur-pool.ts";
import { condConv2d } from "../layers/cond-conv.ts";
import type { ConvOptions, Padding } from "../layers/conv.ts";
import { linear } from "../layers/linear.ts";
import { type Kernel, mixedConv2d } from "../layers/mixed-conv.ts";
import { type NormAct, normAct } from "../layers/norm-act.ts";
import { makeDivisible } from "../layers/rounding.ts";
import type { Module, Scope } from "../scope.ts";
import type { ConvSpec, EdgeSpec, InvertedSpec, SeparableSpec } from "./block-string.ts";
import type { Block, Place } from "./plan.ts";
import type { SeLayer } from "./se-layer.ts";

/** What all blocks of a network share. */
export interface Style {
  readonly padding: Padding | undefined;
  readonly norm: NormAct;
  readonly act: ActName;
  readonly aa: AaLayer | undefined;
  readonly se: SeLayer;
  /** A learned scale per channel on the branch of universal and attention blocks. */
  readonly layerScale: boolean;
}

/** A block's result, and the widest value inside, which timm's feature_location="expansion" takes. */
export interface BlockResult {
  readonly out: Value;
  readonly wide: { readonly value: Value; readonly module: string } | undefined;
}

export type BlockModule = (s: Scope, x: Value) => BlockResult;

/** Adds the shortcut where the design keeps the shape. */
export const skipped = (s: Scope, x: Value, y: Value, b: Place & { readonly noskip: boolean }): Value =>
  b.in === b.out && b.stride === 1 && !b.noskip ? s.add(y, x) : y;

/** timm's num_groups over `channels`; 0 channels per group is one group. */
export function groupsOf(channels: number, groupSize: number): number {
  if (groupSize === 0) return 1;
  if (channels % groupSize === 0) return channels / groupSize;
  throw new TimmcError("unsupported", `group_size=${groupSize} does not divide ${channels} channels`);
}

/** The spatial convolution between the pointwise ones: as many channels as x has. */
export const spatial =
  (kernel: Kernel, groupSize: number, options: Omit<ConvOptions, "kernel" | "groups">, routing?: Value): Module =>
  (s, x) => {
    const channels = s.channels(x);
    return convolve(channels, kernel, { ...options, groups: groupsOf(channels, groupSize) }, routing)(s, x);
  };

const convolve = (out: number, kernel: Kernel, options: Omit<ConvOptions, "kernel">, routing?: Value): Module =>
  routing !== undefined && typeof kernel === "number"
    ? condConv2d(out, { ...options, kernel, routing })
    : mixedConv2d(out, kernel, options);

/** The stride of a block's spatial convolution, and the anti-aliasing that takes it over. */
function striding(c: Style, b: Block): { readonly stride: number; readonly aa: Module | undefined } {
  if (c.aa === undefined || b.stride === 1) return { stride: b.stride, aa: undefined };
  return { stride: 1, aa: antiAlias(c.aa, b.stride) };
}

const attention = (c: Style, b: Block, channels: number): Module | undefined =>
  b.seRatio > 0 ? c.se(channels, b.seRatio, b.act ?? c.act) : undefined;

/** Space to depth by a learned 2x2 convolution; the kernel that follows covers the same pixels at half the extent. */
function spaceToDepth(c: Style, b: Block & (SeparableSpec | InvertedSpec)) {
  if (!b.entersS2d) return { width: b.in, kernel: b.kernel, padding: c.padding, steps: {} };
  const width = 4 * b.in;
  const kernel = typeof b.kernel === "number" ? Math.floor((b.kernel + 1) / 2) : b.kernel;
  const steps = {
    conv_s2d: mixedConv2d(width, 2, { stride: 2, padding: "same" }),
    bn_s2d: normAct(c.norm, b.act ?? c.act),
  };
  return { width, kernel, padding: kernel === 2 ? ("same" as const) : c.padding, steps };
}

/** cn: ConvBnAct. */
export const convBlock =
  (c: Style, b: ConvSpec & Place): BlockModule =>
  (s, x) => {
    const { stride, aa } = striding(c, b);
    const channels = s.channels(x);
    const groups = groupsOf(channels, b.groupSize ?? 0);
    const wide = s.chain(x, {
      conv: mixedConv2d(b.out, b.kernel, { stride, dilation: b.dilation, groups, padding: c.padding }),
      bn1: normAct(c.norm, b.act ?? c.act),
    });
    const y = s.chain(wide, { aa });
    return { out: skipped(s, x, y, { ...b, noskip: !b.skip }), wide: { value: wide, module: "bn1" } };
  };

/** ds: DepthwiseSeparableConv. timm sizes a blur for the block's output, so it needs as many channels there as inside. */
export const separableBlock =
  (c: Style, b: SeparableSpec & Place): BlockModule =>
  (s, x) => {
    const act = b.act ?? c.act;
    const { stride, aa } = striding(c, b);
    if (aa !== undefined && c.aa?.startsWith("blur") === true && b.in !== b.out)
      throw new TimmcError(
        "unsupported",
        `aa_layer=${c.aa}: timm's blur is for ${b.out} channels, the map has ${b.in}`,
        {
          hint: "aa_layer=avg works here",
        },
      );
    const { width, kernel, padding, steps } = spaceToDepth(c, b);
    const wide = s.chain(x, {
      ...steps,
      conv_dw: spatial(kernel, b.groupSize ?? 1, { stride, dilation: b.dilation, padding }),
      bn1: normAct(c.norm, act),
      aa,
      se: attention(c, b, width),
    });
    const y = s.chain(wide, {
      conv_pw: mixedConv2d(b.out, b.projectKernel, { padding: c.padding }),
      bn2: normAct(c.norm, b.pointwiseAct ? act : undefined),
    });
    return { out: skipped(s, x, y, b), wide: { value: wide, module: "conv_pw" } };
  };

/** The weights of the experts: sigmoid(routing_fn(mean x)), [N, experts]. */
const routingOf = (s: Scope, x: Value, experts: number): Value =>
  s.activation(s.call("routing_fn", linear(experts), s.reduce_mean(x, { axes: [2, 3] })), { kind: "sigmoid" });

/**
 * ir: InvertedResidual, and CondConvResidual with experts. The latter never runs its anti-aliasing, though its stride is
 * gone from the convolution all the same.
 */
export const invertedBlock =
  (c: Style, b: InvertedSpec & Place): BlockModule =>
  (s, x) => {
    const act = b.act ?? c.act;
    const { stride, aa } = striding(c, b);
    const { width, kernel, padding, steps } = spaceToDepth(c, b);
    const mid = makeDivisible(width * b.expansion);
    const routing = b.experts > 0 ? routingOf(s, x, b.experts) : undefined;
    const wide = s.chain(x, {
      ...steps,
      conv_pw: convolve(mid, b.expandKernel, { padding: c.padding }, routing),
      bn1: normAct(c.norm, act),
      conv_dw: spatial(kernel, b.groupSize ?? 1, { stride, dilation: b.dilation, padding }, routing),
      bn2: normAct(c.norm, act),
      aa: routing === undefined ? aa : undefined,
      se: attention(c, b, mid),
    });
    const y = s.chain(wide, {
      conv_pwl: convolve(b.out, b.projectKernel, { padding: c.padding }, routing),
      bn3: normAct(c.norm, undefined),
    });
    return { out: skipped(s, x, y, b), wide: { value: wide, module: "conv_pwl" } };
  };

/** er: EdgeResidual. */
export const edgeBlock =
  (c: Style, b: EdgeSpec & Place): BlockModule =>
  (s, x) => {
    const { stride, aa } = striding(c, b);
    const mid = makeDivisible((b.forceIn > 0 ? b.forceIn : b.in) * b.expansion);
    const groups = groupsOf(mid, b.groupSize ?? 0);
    const wide = s.chain(x, {
      conv_exp: mixedConv2d(mid, b.kernel, { stride, dilation: b.dilation, groups, padding: c.padding }),
      bn1: normAct(c.norm, b.act ?? c.act),
      aa,
      se: attention(c, b, mid),
    });
    const y = s.chain(wide, {
      conv_pwl: mixedConv2d(b.out, b.projectKernel, { padding: c.padding }),
      bn2: normAct(c.norm, undefined),
    });
    return { out: skipped(s, x, y, b), wide: { value: wide, module: "conv_pwl" } };
  };
