import { commonArgs } from "../family.ts";
import { actLayer } from "../layers/act.ts";
import { type TokenNorm, tokenNormLayer } from "../layers/token-norm.ts";
import { type Interpolation, bicubic } from "../layers/pos-embed.ts";
import {
  type ConfigOf,
  bool,
  classOnly,
  dropRates,
  dropout,
  int,
  internal,
  number,
  oneOf,
  optional,
  pair,
} from "../schema.ts";

export type BlockKind = "pre_norm" | "res_post_norm" | "parallel_scaling" | "diff_parallel_scaling" | "parallel_things";
type MlpKind = "mlp" | "swiglu" | "swiglu_packed" | "geglu";

/** timm's LayerNorm, whose epsilon is not torch's. */
const norm: TokenNorm = { name: "layernorm" };

/** Every argument of timm's VisionTransformer. */
export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "the image that the position embeddings cover, and the only size taken unless dynamic_img_size"),
  patch_size: pair(16, "pixels of a patch"),
  global_pool: oneOf(
    ["", "avg", "avgmax", "max", "token", "map", "prr"],
    "token",
    'pooling of the tokens: "map" and "prr" attend, "" keeps all of them',
  ),
  embed_dim: int(768, "width of a token", { min: 1 }),
  depth: int(12, "number of blocks", { min: 0 }),
  num_heads: int(12, "attention heads", { min: 1 }),
  mlp_ratio: number(4, "width inside an MLP per width of a token", { min: 0 }),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  qk_norm: bool(false, "a norm of queries and keys"),
  scale_attn_norm: bool(false, "a norm before the projection of attention"),
  scale_mlp_norm: bool(false, "a norm before the last layer of an MLP"),
  proj_bias: bool(true, "biases of the projection of attention and of the MLPs"),
  init_values: optional(number(1e-5, "initial LayerScale; without it there is none")),
  class_token: bool(true, "a class token before the patches"),
  pos_embed: oneOf(["", "none", "learn"], "learn", "learned position embeddings, or none"),
  no_embed_class: bool(false, "no position embedding of class and register tokens"),
  reg_tokens: int(0, "register tokens, after the class token", { min: 0 }),
  pre_norm: bool(false, "a norm before the blocks, and no bias of the patches"),
  final_norm: bool(true, "a norm after the blocks"),
  fc_norm: optional(bool(true, "the final norm after pooling instead of before; timm: for avg, avgmax and max")),
  pool_include_prefix: bool(false, "class and register tokens take part in pooling"),
  dynamic_img_size: bool(false, "any size of whole patches; position embeddings are interpolated"),
  dynamic_img_pad: bool(false, "with dynamic_img_size: any size, completed by zeros"),
  norm_layer: tokenNormLayer(norm, "the norms of the blocks"),
  embed_norm_layer: optional(tokenNormLayer(norm, "a norm of the projected patches")),
  act_layer: actLayer("gelu"),
  attn_layer: oneOf(["", "attn", "diff"], "attn", "attention, or the difference of two"),
  embed_layer: classOnly<"conv">("conv", "how patches are projected"),
  block_fn: classOnly<BlockKind>("pre_norm", "the kind of block"),
  mlp_layer: classOnly<MlpKind>("mlp", "the kind of MLP"),
  pos_drop_rate: dropout("dropout after the position embeddings; no effect at inference"),
  patch_drop_rate: dropout("dropout of patches; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  weight_init: { ...oneOf(["", "skip", "reset", "jax", "jax_nlhb", "moco"], "", "initialisation"), inert: true },
  fix_init: { ...bool(false, "initialisation scaled by depth"), inert: true },
  interpolation: internal<Interpolation>(bicubic),
  /** The architecture that differs in the activation of OpenAI's weights alone. */
  quickTwin: internal<string | undefined>(undefined),
};

export type VitConfig = ConfigOf<typeof args>;

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: VitConfig): string | undefined {
  const parallel = c.block_fn === "parallel_scaling" || c.block_fn === "diff_parallel_scaling";
  const splits = c.block_fn === "diff_parallel_scaling" || (c.attn_layer === "diff" && !parallel);
  const [padsHeight, padsWidth] = c.img_size.map((size, i) => size % (c.patch_size[i] ?? 1) > 0);
  if (c.embed_dim % c.num_heads !== 0) return `embed_dim=${c.embed_dim} must be divisible by num_heads=${c.num_heads}`;
  if (splits && (c.embed_dim / c.num_heads) % 2 !== 0)
    return `differential attention halves its heads: embed_dim / num_heads = ${c.embed_dim / c.num_heads} is odd`;
  if (c.global_pool === "token" && !c.class_token) return 'global_pool="token" needs class_token=true';
  if (parallel && (c.scale_attn_norm || c.scale_mlp_norm))
    return "the parallel blocks of this architecture have no scale_attn_norm and no scale_mlp_norm";
  if (parallel && Math.trunc(c.embed_dim * c.mlp_ratio) === 0) return `mlp_ratio=${c.mlp_ratio} leaves no MLP`;
  if (c.mlp_layer === "swiglu_packed" && mlpWidth(c) % 2 !== 0)
    return `mlp_ratio=${c.mlp_ratio} gives an odd width of ${mlpWidth(c)}, which a packed gate cannot halve`;
  if (c.dynamic_img_pad && !c.dynamic_img_size && c.pos_embed === "learn" && (padsHeight || padsWidth))
    return "dynamic_img_pad=true without dynamic_img_size=true adds patches that have no position embedding";
  if (c.fix_init && c.weight_init !== "skip" && (parallel || c.block_fn === "parallel_things"))
    return "fix_init=true looks for one attention and one MLP in every block, which parallel blocks have not";
  if (c.weight_init === "jax_nlhb" && c.num_classes === 0)
    return 'weight_init="jax_nlhb" takes the logarithm of num_classes=0';
  return undefined;
}

/** The width inside an MLP; timm takes a width of 0 as not given. */
export const mlpWidth = (c: Pick<VitConfig, "embed_dim" | "mlp_ratio">): number =>
  Math.trunc(c.embed_dim * c.mlp_ratio) || c.embed_dim;

/** Whether the final norm is `fc_norm`, after pooling, and not `norm`, before it. */
export const normsPooled = ({ fc_norm, global_pool }: Pick<VitConfig, "fc_norm" | "global_pool">): boolean =>
  fc_norm ?? ["avg", "avgmax", "max"].includes(global_pool);
