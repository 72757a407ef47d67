/** Attention and MLP side by side behind one norm and one projection (Dehghani et al. 2023, "ViT-22B", section 2). */
import type { Value } from "../../ir/value.ts";
import { act } from "../layers/act.ts";
import { multiHeadMix } from "../layers/attention.ts";
import { differentialMix } from "../layers/diff-attention.ts";
import { layerScale } from "../layers/layer-scale.ts";
import { linear } from "../layers/linear.ts";
import { split } from "../layers/split.ts";
import { tokenNorm } from "../layers/token-norm.ts";
import type { Module, Scope } from "../scope.ts";
import { type VitConfig, mlpWidth } from "./config.ts";

interface Projected {
  readonly hidden: Value;
  readonly qkv: readonly [Value, Value, Value];
}

/** in_norm and in_proj: the first layer of the MLP, and queries, keys and values, in this order. */
function project(s: Scope, x: Value, c: VitConfig): Projected {
  const hidden = mlpWidth(c);
  const width = c.embed_dim;
  const packed = s.chain(x, {
    in_norm: tokenNorm(c.norm_layer),
    in_proj: linear(hidden + 3 * width, { bias: c.qkv_bias }),
  });
  const [first, q, k, v] = split(s, packed, [hidden, width, width, width]);
  const biased = c.qkv_bias ? first : s.add(first, s.param("mlp_bias", [hidden]));
  return { hidden: s.call("mlp_act", act(c.act_layer), biased), qkv: [q, k, v] };
}

const headNorm = (c: VitConfig): Module | undefined => (c.qk_norm ? tokenNorm(c.norm_layer) : undefined);

/** The residual; an initial LayerScale of 0 is one here. */
const addScaled = (s: Scope, x: Value, y: Value, { init_values }: VitConfig): Value =>
  s.add(x, s.chain(y, { ls: init_values === undefined ? undefined : layerScale }));

export const parallelScalingBlock =
  (c: VitConfig): Module =>
  (s, x) => {
    const { hidden, qkv } = project(s, x, c);
    const mixed = multiHeadMix(s, qkv, { heads: c.num_heads, qkNorm: headNorm(c) });
    const out = linear(c.embed_dim, { bias: c.proj_bias });
    const sum = s.add(s.call("attn_out_proj", out, mixed), s.call("mlp_out_proj", out, hidden));
    return addScaled(s, x, sum, c);
  };

/** The same with differential attention and one projection of both branches. */
export const diffParallelScalingBlock =
  (c: VitConfig, depth: number): Module =>
  (s, x) => {
    const { hidden, qkv } = project(s, x, c);
    const mixed = differentialMix(s, qkv, { heads: c.num_heads, qkNorm: headNorm(c), depth });
    const joined = s.concat([mixed, hidden], { axis: -1 });
    return addScaled(s, x, s.call("out_proj", linear(c.embed_dim, { bias: c.proj_bias }), joined), c);
  };
