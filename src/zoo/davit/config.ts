import { commonArgs, globalPool } from "../family.ts";
import { mapNormLayer, normLayer } from "../layers/norm.ts";
import { type Arg, type ConfigOf, bool, dropRates, int, ints, number, oneOf, pair } from "../schema.ts";

export type AttnType = "spatial" | "channel";
const attnType = oneOf<AttnType>(["spatial", "channel"], "spatial", "");
const attnTypes: Arg<readonly AttnType[]> = {
  type: 'list of "spatial" | "channel"',
  default: ["spatial", "channel"],
  doc: "the attentions of a block, in order",
  inert: false,
  read: (v) => {
    if (!Array.isArray(v)) return undefined;
    const types = v.map((t: unknown) => attnType.read(t));
    return types.every((t) => t !== undefined) ? types : undefined;
  },
};

export const args = {
  ...commonArgs,
  ...dropRates,
  depths: ints([1, 1, 3, 1], "blocks of each stage", { min: 0 }),
  embed_dims: ints([96, 192, 384, 768], "width of each stage", { min: 1 }),
  num_heads: ints([3, 6, 12, 24], "attention heads of each stage", { min: 1 }),
  window_size: pair(7, "height and width of the attention windows"),
  mlp_ratio: number(4, "width inside an MLP over the width of its stage", { min: 0 }),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  norm_layer: mapNormLayer("layernorm2d"),
  norm_layer_cl: normLayer("layernorm"),
  norm_eps: number(1e-5, "epsilon of the norms", { min: 0 }),
  attn_types: attnTypes,
  ffn: bool(true, "an MLP behind each attention"),
  cpe_act: bool(false, "an activation of the position convolutions"),
  down_kernel_size: int(2, "kernel of the reductions", { min: 1 }),
  channel_attn_v2: bool(false, "channel attention by queries and keys, scaled by the number of positions"),
  named_blocks: bool(false, "blocks named by their attention instead of numbered"),
  global_pool: globalPool(),
  head_norm_first: bool(false, "the final norm before pooling instead of after"),
};

export type DavitConfig = ConfigOf<typeof args>;

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: DavitConfig): string | undefined {
  const stages = c.embed_dims.length;
  if (c.depths.length !== stages || c.num_heads.length !== stages)
    return "depths, embed_dims and num_heads must have equal lengths";
  const at = c.embed_dims.findIndex((width, i) => width % (c.num_heads[i] ?? 1) !== 0);
  if (at >= 0) return `embed_dims: ${c.embed_dims[at]} must be divisible by num_heads=${c.num_heads[at]}`;
  if (!c.ffn && c.attn_types.includes("spatial")) return "ffn=false breaks timm's spatial blocks";
  if (!["layernorm", "rmsnorm", "simplenorm"].includes(c.norm_layer_cl))
    return `norm_layer_cl=${c.norm_layer_cl} does not normalise tokens`;
  if (c.head_norm_first && c.global_pool === "" && c.num_classes > 0)
    return 'global_pool="" needs num_classes=0: the classifier takes no map';
  if (!c.head_norm_first && c.global_pool.includes("cat"))
    return "a pool of twice the channels does not fit the norm behind it";
  return undefined;
}
