/** Transformer blocks with rotary positions (Fang et al. 2023, EVA-02, section 2.1). */
import type { Value } from "../../ir/value.ts";
import { multiHeadMix } from "../layers/attention.ts";
import { biasedQkv } from "../layers/biased-qkv.ts";
import { gluMlp, swiGlu } from "../layers/glu-mlp.ts";
import { scaleBy } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { mlp } from "../layers/mlp.ts";
import { layerNorm } from "../layers/norm.ts";
import { type Rotation, rotate } from "../layers/rotary.ts";
import { split } from "../layers/split.ts";
import type { Module, Scope } from "../scope.ts";
import type { EvaConfig } from "./config.ts";

/** Queries, keys and values [N, L, C]; "eva" attention has no bias of keys. */
function project(s: Scope, x: Value, c: EvaConfig): readonly [Value, Value, Value] {
  const width = c.embed_dim;
  const isEva = c.attn_type === "eva";
  if (c.qkv_fused) {
    const qkv = isEva ? biasedQkv(s, width, c.qkv_bias) : linear(3 * width, { bias: c.qkv_bias });
    return split(s, s.call("qkv", qkv, x), [width, width, width]);
  }
  const part = (name: string, bias: boolean): Value => s.call(name, linear(width, { bias }), x);
  return [part("q_proj", c.qkv_bias), part("k_proj", c.qkv_bias && !isEva), part("v_proj", c.qkv_bias)];
}

const attention =
  (c: EvaConfig, rotation: Rotation | undefined): Module =>
  (s, x) => {
    const turn = rotation === undefined ? undefined : (y: Value): Value => rotate(s, y, rotation);
    const mixed = multiHeadMix(s, project(s, x, c), { heads: c.num_heads, turn });
    const norm = c.scale_attn_inner ? layerNorm(c.norm_layer) : undefined;
    return s.chain(mixed, { norm, proj: linear(c.embed_dim) });
  };

/** timm's Mlp and SwiGLU take a width of 0 as not given. */
function mlpOf(c: EvaConfig): Module {
  const norm = c.scale_mlp ? layerNorm(c.norm_layer) : undefined;
  const hidden = Math.trunc(c.embed_dim * c.mlp_ratio);
  if (!c.swiglu_mlp) return mlp(hidden || c.embed_dim, { norm });
  const aligns = c.swiglu_align_to > 0 && !c.use_post_norm;
  if (!c.scale_mlp && !aligns) return gluMlp(2 * hidden || c.embed_dim, { act: "silu", gateLast: false });
  const step = c.swiglu_align_to || 1;
  return swiGlu(Math.ceil((hidden || c.embed_dim) / step) * step, { norm });
}

export const evaBlock =
  (c: EvaConfig, rotation: Rotation | undefined): Module =>
  (s, x) => {
    const norm = layerNorm(c.norm_layer);
    const attn = attention(c, rotation);
    if (c.use_post_norm) {
      const y = s.add(x, s.chain(x, { attn, norm1: norm }));
      return s.add(y, s.chain(y, { mlp: mlpOf(c), norm2: norm }));
    }
    const scaled = (name: string, y: Value): Value => (c.init_values === undefined ? y : scaleBy(s, name, y));
    const y = s.add(x, scaled("gamma_1", s.chain(x, { norm1: norm, attn })));
    return s.add(y, scaled("gamma_2", s.chain(y, { norm2: norm, mlp: mlpOf(c) })));
  };
