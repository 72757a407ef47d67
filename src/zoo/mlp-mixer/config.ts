import { fixedArg } from "../fixed.ts";
import { commonArgs } from "../family.ts";
import { type ConfigOf, bool, classOnly, dropRates, dropout, int, number, oneOf, pair, perStage } from "../schema.ts";

const ratio = perStage(
  number(4, "width inside an MLP per width of a token; [tokens, channels] in a mixer", { min: 0 }),
);
const mlpRatio: typeof ratio = { ...ratio, default: [0.5, 4] };

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input"),
  patch_size: pair(16, "pixels of a patch"),
  num_blocks: int(8, "number of blocks", { min: 0 }),
  embed_dim: int(512, "width of a token", { min: 1 }),
  mlp_ratio: mlpRatio,
  stem_norm: bool(false, "a norm of the projected patches"),
  global_pool: oneOf(["avg", ""], "avg", 'pooling of the tokens; "" keeps all of them'),
  nlhb: { ...bool(false, "initialisation of the classifier"), inert: true },
  proj_drop_rate: dropout("dropout inside MLPs; no effect at inference"),
  block_layer: classOnly<BlockKind>("mixer", "the kind of block"),
  mlp_layer: classOnly<"mlp" | "glu">("mlp", "the kind of MLP"),
  norm_layer: classOnly<"layernorm" | "affine">("layernorm", "the norms"),
  act_layer: classOnly<"gelu" | "silu">("gelu", "the activation"),
  fixed: fixedArg,
};

export type BlockKind = "mixer" | "res" | "gating";
export type MixerConfig = ConfigOf<typeof args>;

/** Widths inside the MLPs over tokens and over channels. */
export function widths({ mlp_ratio, embed_dim }: MixerConfig): readonly [tokens: number, channels: number] {
  const [tokens = 0, channels = tokens] = typeof mlp_ratio === "number" ? [mlp_ratio] : mlp_ratio;
  return [Math.trunc(tokens * embed_dim), Math.trunc(channels * embed_dim)];
}

/** What timm's constructor fails on: the reason, or undefined. */
export function refuse(c: MixerConfig): string | undefined {
  if (typeof c.mlp_ratio !== "number" && (c.block_layer !== "mixer" || c.mlp_ratio.length !== 2))
    return c.block_layer === "mixer" ? "mlp_ratio is one number or two" : "mlp_ratio is one number in these blocks";
  const halved = c.block_layer === "gating" ? widths(c).slice(1) : c.mlp_layer === "glu" ? widths(c) : [];
  if (halved.some((w) => w % 2 !== 0))
    return `mlp_ratio=${String(c.mlp_ratio)} gives an odd width, which a gate cannot halve`;
  if (c.nlhb && c.num_classes === 0) return "nlhb=true takes the logarithm of num_classes=0";
  return undefined;
}
