/** ConvNeXt: Liu et al. 2022 (arXiv:2201.03545); V2 with global response normalisation: Woo et al. 2023 (2301.00808). */
import type { Value } from "../../ir/value.ts";
import { defineFamily } from "../define-family.ts";
import { blockGroup, stemGroup } from "../groups.ts";
import type { Stage } from "../family.ts";
import { act } from "../layers/act.ts";
import { type HeadModule, callHead, classifierHead, normMlpHead } from "../layers/classifier-head.ts";
import { conv2d, depthwise } from "../layers/conv.ts";
import { normedAtEnd } from "../layers/intermediate.ts";
import { layerScale, layerScale2d } from "../layers/layer-scale.ts";
import { mlp } from "../layers/mlp.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { stagewise } from "../schema.ts";
import type { Module, Scope } from "../scope.ts";
import { type ConvNeXtConfig, args } from "./config.ts";
import { hasForms, lastAxisNorm, mapNorm } from "./norms.ts";
import { remap } from "./remap.ts";
import { variants } from "./variants.ts";

/** Norm, MLP four times as wide, layer scale: on NCHW maps with conv_mlp, else on NHWC ones. */
function pointwise(s: Scope, x: Value, c: ConvNeXtConfig): Value {
  const channels = s.channels(x);
  const wide = mlp(4 * channels, { act: c.act_layer, conv: c.conv_mlp, grn: c.use_grn });
  const scale = c.ls_init_value !== undefined;
  if (c.conv_mlp) {
    const y = s.chain(x, { norm: mapNorm(c), mlp: wide });
    return scale ? layerScale2d(s, y) : y;
  }
  const y = s.chain(s.transpose(x, { perm: [0, 2, 3, 1] }), { norm: lastAxisNorm(c), mlp: wide });
  return s.transpose(scale ? layerScale(s, y) : y, { perm: [0, 3, 1, 2] });
}

/** Fig. 4 right: a large depthwise convolution, then an inverted bottleneck. */
const block =
  (c: ConvNeXtConfig, kernel: number, dilation: number): Module =>
  (s, x) => {
    const y = s.call("conv_dw", depthwise({ kernel, dilation, bias: c.conv_bias }), x);
    return s.add(pointwise(s, y, c), x);
  };

interface Place {
  readonly out: number;
  readonly kernel: number;
  readonly depth: number;
  readonly stride: number;
  /** Of the downsampling convolution and of the blocks. */
  readonly dilation: readonly [first: number, rest: number];
}

/** Norm and strided convolution where the shape or the dilation changes, then the blocks. */
const stage =
  (c: ConvNeXtConfig, { out, kernel, depth, stride, dilation: [first, rest] }: Place): Module =>
  (s, x) => {
    const shrinks = stride > 1 || first !== rest;
    const down = conv2d(out, {
      kernel: shrinks ? 2 : 1,
      stride,
      dilation: first,
      padding: rest > 1 ? "same" : 0,
      bias: c.conv_bias,
    });
    const changes = shrinks || x.type.shape[1] !== out;
    return s.chain(x, {
      downsample: changes ? (t, y) => t.sequence(y, [mapNorm(c), down]) : undefined,
      blocks: (t, y) => t.sequence(y, Array<Module>(depth).fill(block(c, kernel, rest))),
    });
  };

/** A patch embedding, or two overlapping 3x3 convolutions of stride 2. */
function stem(c: ConvNeXtConfig): Module {
  const width = c.dims[0] ?? 0;
  const bias = c.conv_bias;
  if (c.stem_type === "patch") {
    const patch = conv2d(width, { kernel: c.patch_size, stride: c.patch_size, padding: 0, bias });
    return (s, x) => s.sequence(x, [patch, mapNorm(c)]);
  }
  const middle = c.stem_type === "overlap_tiered" ? makeDivisible(Math.floor(width / 2)) : width;
  const between = c.stem_type === "overlap_act" ? [act(c.act_layer)] : [];
  const half = (out: number): Module => conv2d(out, { kernel: 3, stride: 2, padding: 1, bias });
  return (s, x) => s.sequence(x, [half(middle), ...between, half(width), mapNorm(c)]);
}

const headOf = (c: ConvNeXtConfig): HeadModule =>
  c.head_norm_first
    ? classifierHead({ classes: c.num_classes, pool: c.global_pool })
    : normMlpHead({
        classes: c.num_classes,
        pool: c.global_pool,
        norm: mapNorm(c),
        hidden: c.head_hidden_size,
        act: "gelu",
      });

function refuse(c: ConvNeXtConfig): string | undefined {
  if (Array.isArray(c.kernel_sizes) && c.kernel_sizes.length < 4)
    return "kernel_sizes needs an entry for each of 4 stages";
  if (!hasForms(c.norm_layer) && !c.conv_mlp) return `norm_layer=${c.norm_layer} works on maps: it needs conv_mlp=true`;
  if (c.head_norm_first && c.head_hidden_size) return "head_hidden_size needs head_norm_first=false";
  if (c.head_norm_first && c.global_pool === "" && c.num_classes > 0)
    return 'global_pool="" with head_norm_first needs num_classes=0: the classifier takes no map';
  if (!c.head_norm_first && c.global_pool.endsWith("catavgmax"))
    return `global_pool=${c.global_pool} doubles the channels, and the head's norm takes those of the last stage`;
  return undefined;
}

export default defineFamily({
  name: "convnext",
  paper: "https://arxiv.org/abs/2201.03545",
  args,
  variants,
  refuse,
  groups: (coarse) => [
    stemGroup(/stem/),
    ...(coarse
      ? [blockGroup(/stages\.(\d+)/)]
      : [
          blockGroup(/stages\.(\d+)\.downsample/, "first"),
          blockGroup(/stages\.(\d+)\.blocks\.(\d+)/),
          blockGroup(/norm_pre/, "last"),
        ]),
  ],
  remap: () => remap,
  build: (s, input, c) => {
    const kernels = stagewise(c.kernel_sizes, 4);
    let reduction = c.stem_type === "patch" ? c.patch_size : 4;
    let dilation = 1;
    const places = c.dims.map((out, i): Place & { reduction: number } => {
      let stride = reduction === 2 || i > 0 ? 2 : 1;
      if (reduction >= c.output_stride && stride > 1) {
        dilation *= stride;
        stride = 1;
      }
      reduction *= stride;
      const first = dilation <= 2 ? 1 : 2;
      return { out, kernel: kernels[i] ?? 7, depth: c.depths[i] ?? 0, stride, dilation: [first, dilation], reduction };
    });
    const stages: Stage[] = [];
    const finalNorm = c.head_norm_first ? { path: "norm_pre", module: mapNorm(c) } : undefined;
    const trunk: Module = (t, y) =>
      places.reduce((x, place, i) => {
        const value = t.call(i, stage(c, place), x);
        stages.push({
          module: `stages.${i}`,
          value,
          reduction: place.reduction,
          format: "NCHW",
          intermediate: normedAtEnd(s, value, i === 3 ? finalNorm : undefined),
        });
        return value;
      }, y);
    const features = s.chain(input, {
      stem: stem(c),
      stages: trunk,
      norm_pre: finalNorm?.module,
    });
    const head = callHead(s, "head", headOf(c), features);
    return { forwardFeatures: [features], preLogits: [head.preLogits], logits: [head.logits], stages, format: "NCHW" };
  },
});
