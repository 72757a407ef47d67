import { commonArgs, globalPool } from "../family.ts";
import { actLayer } from "../layers/act.ts";
import { mapNormLayer } from "../layers/norm.ts";
import { type Arg, type ConfigOf, bool, dropRates, inert, int, ints, number, oneOf, optional } from "../schema.ts";

/** Plain blocks, or with effective squeeze-excitation at their end. */
export type BlockKind = "Block" | "BlockESE";

/** A list with a value for every dense stage. */
const perDenseStage = <T>(type: string, fallback: readonly T[], doc: string, of: (v: unknown) => T | undefined) => {
  const arg: Arg<readonly T[]> = {
    type: `list of ${type}`,
    default: fallback,
    doc,
    inert: false,
    read: (v) => {
      const values = Array.isArray(v) ? v.map((x: unknown) => of(x)) : [undefined];
      return values.every((x) => x !== undefined) ? values : undefined;
    },
  };
  return arg;
};

const kindOf = (v: unknown): BlockKind | undefined => {
  if (typeof v !== "string") return undefined;
  return { block: "Block" as const, blockese: "BlockESE" as const }[v.toLowerCase().trim()];
};

export const args = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  growth_rates: ints([64, 104, 128, 128, 128, 128, 224], "channels that each block of a stage adds", { min: 1 }),
  num_blocks_list: ints([3, 3, 3, 3, 3, 3, 3], "blocks of each dense stage", { min: 1 }),
  block_type: perDenseStage<BlockKind>(
    '"Block" | "BlockESE"',
    ["Block", "Block", "BlockESE", "BlockESE", "BlockESE", "BlockESE", "BlockESE"],
    "the kind of block in each dense stage",
    kindOf,
  ),
  is_downsample_block: perDenseStage(
    "true | false | null",
    [false, true, true, false, false, false, true],
    "which dense stages halve the resolution first",
    (v) => (v === null ? false : typeof v === "boolean" ? v : undefined),
  ),
  bottleneck_width_ratio: number(4, "width of a block's MLP over its input", { min: 0.01 }),
  transition_compression_ratio: number(0.5, "channels behind a transition over those before it", { min: 0.01 }),
  ls_init_value: number(1e-6, "initial value of the scales of residuals; none at 0 and below"),
  stem_type: oneOf(["patch", "overlap", "overlap_tiered"], "patch", "patches, or two strided convolutions"),
  patch_size: int(4, "height and width of a patch", { min: 1 }),
  num_init_features: int(64, "channels of the stem", { min: 1 }),
  head_init_scale: inert("initialisation; no effect at inference"),
  head_norm_first: bool(false, "the norm before the pool"),
  conv_bias: bool(true, "biases of the stem"),
  act_layer: actLayer("gelu"),
  norm_layer: mapNormLayer("layernorm2d"),
  norm_eps: optional(number(1e-6, "eps of the normalisation", { min: 0 })),
};

export type RdNetConfig = ConfigOf<typeof args>;
