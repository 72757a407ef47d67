import { commonArgs } from "../family.ts";
import { fixedArg } from "../fixed.ts";
import { type ConfigOf, bool, classOnly, dropRates, int, ints, numbers, oneOf, pair } from "../schema.ts";

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width of the input; no parameter depends on it"),
  global_pool: oneOf(["avg", ""], "avg", 'pooling before the classifier; "" keeps the map'),
  layers: ints([4, 3, 8, 3], "blocks of each stage", { min: 0 }),
  patch_sizes: ints([7, 2, 2, 1], "pixels of a patch, then positions that each further stage merges along an axis", {
    min: 1,
  }),
  embed_dims: ints([192, 384, 384, 384], "channels of each stage", { min: 1 }),
  hidden_sizes: ints([48, 96, 96, 96], "width of a direction of the LSTMs in each stage", { min: 1 }),
  mlp_ratios: numbers([3, 3, 3, 3], "width inside an MLP over the channels of its stage", { min: 0 }),
  num_rnn_layers: int(1, "LSTMs that follow each other along an axis", { min: 1 }),
  bidirectional: bool(true, "LSTMs in both directions of an axis"),
  union: oneOf(
    ["cat", "add", "vertical", "horizontal"],
    "cat",
    "LSTMs along both axes, side by side or summed, or along one",
  ),
  with_fc: bool(true, "a linear layer behind the LSTMs, to the channels of the stage"),
  stem_norm: bool(false, "a norm of the projected patches"),
  nlhb: { ...bool(false, "initialisation of the classifier"), inert: true },
  block_layer: classOnly<undefined>(undefined, "the kind of block"),
  rnn_layer: classOnly<undefined>(undefined, "the recurrent layers"),
  mlp_layer: classOnly<undefined>(undefined, "the kind of MLP"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  act_layer: classOnly<undefined>(undefined, "the activation"),
  fixed: fixedArg,
};

export type SequencerConfig = ConfigOf<typeof args>;

/** Channels behind the LSTMs of a stage: side by side in both directions, and along both axes with `cat`. */
const unionWidth = ({ bidirectional, union }: SequencerConfig, hidden: number): number =>
  hidden * (bidirectional ? 2 : 1) * (union === "cat" ? 2 : 1);

/** What timm's constructor fails on: the reason, or undefined. */
export function refuse(c: SequencerConfig): string | undefined {
  const { layers, patch_sizes, embed_dims, hidden_sizes, mlp_ratios } = c;
  if (layers.length === 0) return "layers has no stage";
  for (const [name, list] of Object.entries({ patch_sizes, embed_dims, hidden_sizes, mlp_ratios }))
    if (list.length !== layers.length) return `${name} has ${list.length} entries for ${layers.length} stages`;
  for (const [i, channels] of embed_dims.entries()) {
    const made = unionWidth(c, hidden_sizes[i] ?? 0);
    if (!c.with_fc && (layers[i] ?? 0) > 0 && made !== channels)
      return `with_fc=false needs LSTMs as wide as their stage: they make ${made} of ${channels} channels in stage ${i}`;
  }
  if (c.nlhb && c.num_classes === 0) return "nlhb=true takes the logarithm of num_classes=0";
  return undefined;
}
