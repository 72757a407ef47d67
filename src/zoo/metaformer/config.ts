import { commonArgs, globalPool } from "../family.ts";
import { fixedArg } from "../fixed.ts";
import { type Arg, type ConfigOf, bool, classOnly, dropRates, dropout, ignored, ints, number } from "../schema.ts";

export type Mixer = "pooling" | "sep_conv" | "attention";

/** A scale of each stage; null where a stage has none. */
type Scales = readonly (number | null)[];
const one = number(1, "");
const scales = (fallback: Scales, doc: string): Arg<Scales> => ({
  type: "number, or a list of numbers and null with one per stage",
  default: fallback,
  doc,
  inert: false,
  read: (v) => {
    if (!Array.isArray(v)) return one.read(v) === undefined ? undefined : [v as number];
    return v.every((n) => n === null || one.read(n) !== undefined) ? (v as Scales) : undefined;
  },
});

export const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  depths: ints([2, 2, 6, 2], "blocks of each stage", { min: 0 }),
  dims: ints([64, 128, 320, 512], "width of each stage", { min: 1 }),
  token_mixers: classOnly<readonly Mixer[]>(["pooling"], "what mixes the positions in each stage"),
  mlp_act: classOnly<"star_relu" | "gelu">("star_relu", "the activation of the MLPs"),
  mlp_bias: bool(false, "biases of the MLPs"),
  layer_scale_init_values: scales([null], "initial scale of the branches; null for none"),
  res_scale_init_values: scales([null, null, 1, 1], "initial scale of the shortcuts; null for none"),
  downsample_norm: classOnly<boolean>(true, "a norm at the stem and before each reduction"),
  norm_layers: classOnly<"layer" | "group" | "group_no_bias">("layer", "the norms of the blocks"),
  output_norm: classOnly<undefined>(undefined, "the norm before the classifier"),
  use_mlp_head: bool(true, "a hidden layer before the classifier"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  act_layer: ignored("the activation"),
  output_stride: ignored("the stride of the last stage"),
  img_size: ignored("the size of the input"),
  fixed: fixedArg,
};

export type MetaFormerConfig = ConfigOf<typeof args>;

/** One value for all stages, or each stage's own. */
export const at = <T>(list: readonly T[], stage: number): T | undefined => (list.length === 1 ? list[0] : list[stage]);

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: MetaFormerConfig): string | undefined {
  const stages = c.depths.length;
  if (c.dims.length < stages) return `dims has ${c.dims.length} entries for ${stages} stages`;
  for (const [name, list] of Object.entries({
    layer_scale_init_values: c.layer_scale_init_values,
    res_scale_init_values: c.res_scale_init_values,
  }))
    if (list.length > 1 && list.length < stages) return `${name} has ${list.length} entries for ${stages} stages`;
  if (c.global_pool === "" && c.num_classes > 0)
    return 'global_pool="" needs num_classes=0: the classifier takes no map';
  return c.global_pool.includes("cat") ? "a pool of twice the channels does not fit the norm behind it" : undefined;
}
