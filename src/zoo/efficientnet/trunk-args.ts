import { commonArgs, globalPool } from "../family.ts";
import { actLayer } from "../layers/act.ts";
import { aaLayers } from "../layers/blur-pool.ts";
import type { Padding } from "../layers/conv.ts";
import { makeDivisible } from "../layers/rounding.ts";
import { type Arg, type ConfigOf, bool, dropRates, inert, int, internal, number, oneOf, optional } from "../schema.ts";
import type { FeatureLocation } from "./trunk.ts";

const padTypes = ["", "same", "valid"] as const;

/** timm takes any text that is neither "same" nor "valid" for its symmetric padding. */
const padType: Arg<(typeof padTypes)[number]> = {
  ...oneOf(padTypes, "", "padding of all convolutions: symmetric, as TensorFlow's SAME, or none"),
  read: (v) => (typeof v === "string" ? (padTypes.find((p) => p === v.toLowerCase()) ?? "") : undefined),
};

export const paddingOf = (c: { readonly pad_type: (typeof padTypes)[number] }): Padding | undefined =>
  c.pad_type === "" ? undefined : c.pad_type;

/** "depthwise" is timm's old name of "expansion". */
const featureLocation: Arg<FeatureLocation> = {
  ...oneOf(
    ["bottleneck", "expansion"],
    "bottleneck",
    "with features_only: a stage's output, or the widest map in its last block",
  ),
  read: (v) => (v === "bottleneck" || v === "expansion" ? v : v === "depthwise" ? ("expansion" as const) : undefined),
};

/** A number, or one per stage where the architecture has it so. */
const depthMultiplier: Arg<number | readonly number[]> = number(1, "multiplies the blocks of every stage", {
  min: 0,
  max: 1000,
});

/** What the constructors and entry functions of EfficientNet and MobileNetV3 have in common. */
export const trunkArgs = {
  ...commonArgs,
  ...dropRates,
  global_pool: globalPool(),
  output_stride: int(32, "the stride of the last stage; strides beyond it become dilation", { min: 1 }),
  pad_type: padType,
  act_layer: optional(actLayer("relu")),
  bn_eps: optional(number(1e-5, "eps of batch normalisation", { min: 0 })),
  bn_momentum: inert("training; no effect at inference"),
  aa_layer: optional(oneOf(aaLayers, "avg", "anti-aliasing instead of the strides inside blocks")),
  fix_stem: bool(false, "channel_multiplier leaves the stem alone"),
  channel_multiplier: number(1, "multiplies the channels of every layer", { min: 0 }),
  depth_multiplier: depthMultiplier,
  group_size: optional(int(1, "channels per group of the spatial convolutions; 0 for dense ones", { min: 0 })),
  features_only: bool(false, "the network is built for its feature stages alone"),
  feature_location: featureLocation,
  /** Arguments that the architecture's entry function or generator sets: a user's value would be a second one. */
  fixed: internal<readonly string[]>([]),
};

type TrunkConfig = ConfigOf<typeof trunkArgs>;

/**
 * A row of variants: a design, the arguments that timm's entry function passes to its generator, even where they say the
 * default (a user's value for one of them would be a second one), and defaults that users may replace.
 */
export const entryRow = <D extends { readonly sets: readonly string[] }, R extends object>(
  design: D,
  passed: R,
  defaults: R,
) => ({ design, ...passed, ...defaults, fixed: [...design.sets, ...Object.keys(passed)] });

/** The defaults of the networks ported from TensorFlow. */
export const tensorFlow = { bn_eps: 1e-3, pad_type: "same" } as const;

/** timm's round_channels: scaled, then to a multiple of the divisor; a multiplier of 0 changes nothing. */
export const roundChannels =
  (multiplier: number, divisor = 8, roundLimit = 0.9) =>
  (channels: number): number =>
    multiplier === 0 ? channels : makeDivisible(channels * multiplier, divisor, divisor, roundLimit);

/** What timm refuses in every network of the builder, or undefined. `takes` are the generator's own arguments. */
export function refuseTrunk(
  c: TrunkConfig,
  given: ReadonlySet<string>,
  takes: readonly string[],
  all: readonly string[],
) {
  const twice = c.fixed.find((name) => given.has(name));
  if (twice !== undefined) return `${twice}: the architecture sets it, and timm refuses a second value`;
  // With features_only timm drops the arguments of the head before a generator sees them.
  const dropped = c.features_only ? ["head_conv"] : [];
  const unknown = all.find((name) => given.has(name) && !takes.includes(name) && !dropped.includes(name));
  if (unknown !== undefined) return `${unknown}: this architecture's generator takes none`;
  if (given.has("feature_location") && !c.features_only)
    return "feature_location belongs to timm's feature networks: it needs features_only=true";
  if (c.global_pool === "" && c.num_classes > 0 && !c.features_only)
    return 'global_pool="" needs num_classes=0: the classifier takes no map';
  return undefined;
}
