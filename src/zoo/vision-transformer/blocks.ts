/** Transformer blocks: each adds attention and an MLP to tokens [N, L, C]. */
import type { Value } from "../../ir/value.ts";
import { attention } from "../layers/attention.ts";
import { diffAttention } from "../layers/diff-attention.ts";
import { geGlu, gluMlp, swiGlu } from "../layers/glu-mlp.ts";
import { layerScale } from "../layers/layer-scale.ts";
import { mlp } from "../layers/mlp.ts";
import { tokenNorm } from "../layers/token-norm.ts";
import type { Module, Scope } from "../scope.ts";
import { type BlockKind, type VitConfig, mlpWidth } from "./config.ts";
import { diffParallelScalingBlock, parallelScalingBlock } from "./parallel-scaling.ts";

export type Block = (c: VitConfig, depth: number) => Module;

function attentionOf(c: VitConfig, depth: number): Module {
  const norm = tokenNorm(c.norm_layer);
  const options = {
    heads: c.num_heads,
    qkvBias: c.qkv_bias,
    projBias: c.proj_bias,
    qkNorm: c.qk_norm ? norm : undefined,
    outNorm: c.scale_attn_norm ? norm : undefined,
  };
  return c.attn_layer === "diff" ? diffAttention({ ...options, depth }) : attention(options);
}

function mlpOf(c: VitConfig): Module {
  const hidden = mlpWidth(c);
  const options = {
    act: c.act_layer,
    bias: c.proj_bias,
    norm: c.scale_mlp_norm ? tokenNorm(c.norm_layer) : undefined,
  };
  switch (c.mlp_layer) {
    case "mlp":
      return mlp(hidden, options);
    case "swiglu":
      return swiGlu(hidden, options);
    case "swiglu_packed":
      return gluMlp(hidden, { ...options, gateLast: false });
    case "geglu":
      return geGlu(hidden, { act: c.act_layer });
    default:
      return c.mlp_layer satisfies never;
  }
}

/** LayerScale, which timm leaves out for an initial value of 0 too. */
const scaleOf = ({ init_values }: VitConfig): Module | undefined => (init_values ? layerScale : undefined);

/** Dosovitskiy et al. 2020, eq. 2 and 3, with the LayerScale of Touvron et al. 2021. */
const preNormBlock: Block = (c, depth) => (s, x) => {
  const norm = tokenNorm(c.norm_layer);
  const scale = scaleOf(c);
  const y = s.add(x, s.chain(x, { norm1: norm, attn: attentionOf(c, depth), ls1: scale }));
  return s.add(y, s.chain(y, { norm2: norm, mlp: mlpOf(c), ls2: scale }));
};

/** Norms at the end of the residual branches (Liu et al. 2021, Swin V2); LayerScale is in their weights. */
const resPostNormBlock: Block = (c, depth) => (s, x) => {
  const norm = tokenNorm(c.norm_layer);
  const y = s.add(x, s.chain(x, { attn: attentionOf(c, depth), norm1: norm }));
  return s.add(y, s.chain(y, { mlp: mlpOf(c), norm2: norm }));
};

/** Two attentions side by side, then two MLPs (Touvron et al. 2022, "Three things", section 3). */
const parallelThingsBlock: Block = (c, depth) => (s, x) => {
  const norm = tokenNorm(c.norm_layer);
  const ls = scaleOf(c);
  const attn: Module = (t, y) => t.chain(y, { norm, attn: attentionOf(c, depth), ls });
  const ffn: Module = (t, y) => t.chain(y, { norm, mlp: mlpOf(c), ls });
  return addTwo(s, "ffns", ffn, addTwo(s, "attns", attn, x));
};

const addTwo = (s: Scope, list: string, module: Module, x: Value): Value => {
  const branch = (i: number): Value => s.at(list).call(i, module, x);
  return s.add(x, s.add(branch(0), branch(1)));
};

export const blocks: { readonly [K in BlockKind]: Block } = {
  pre_norm: preNormBlock,
  res_post_norm: resPostNormBlock,
  parallel_scaling: parallelScalingBlock,
  diff_parallel_scaling: diffParallelScalingBlock,
  parallel_things: parallelThingsBlock,
};
