import type { NormAct } from "../layers/norm-act.ts";
import { normActLayer } from "../layers/norm-act.ts";
import { type ConfigOf, bool, int, internal } from "../schema.ts";
import { type Design, efficientnet } from "./designs.ts";
import { seLayer } from "./se-layer.ts";
import { trunkArgs } from "./trunk-args.ts";

export const args = {
  ...trunkArgs,
  norm_layer: normActLayer,
  se_layer: seLayer,
  stem_kernel_size: int(3, "kernel of the stem", { min: 1 }),
  num_features: int(1280, "width of the last convolution; 0 for none", { min: 0 }),
  channel_divisor: int(8, "channels are rounded to a multiple of it", { min: 1 }),
  experts_multiplier: int(1, "multiplies the experts of conditional convolutions", { min: 0 }),
  fix_stem_head: bool(false, "the multipliers leave stem, head, first and last stage alone"),
  head_conv: bool(false, "a last convolution, which MobileNet V1 goes without"),
  design: internal<Design>(efficientnet),
  /** Output channels by convolution path, for pruned variants. */
  widths: internal<Readonly<Record<string, number>> | undefined>(undefined),
};

export type EfficientNetConfig = ConfigOf<typeof args>;

/** Arguments that only some generators take. */
export const generatorArgs = [
  "channel_multiplier",
  "depth_multiplier",
  "group_size",
  "channel_divisor",
  "experts_multiplier",
  "fix_stem_head",
  "head_conv",
] as const;

export const normOf = (c: EfficientNetConfig): NormAct => c.norm_layer ?? { kind: "batchnorm2d", eps: c.bn_eps };

/** Width of the last convolution, by the design's rule. */
export function headWidth(c: EfficientNetConfig, round: (channels: number) => number): number {
  if (c.design.head === undefined) return c.num_features;
  const [width, rule] = c.design.head;
  const grown = c.fix_stem_head ? width : Math.max(width, round(width));
  switch (rule) {
    case "fixed":
      return width;
    case "scaled":
      return round(width);
    case "grown":
      return grown;
    case "asked":
      return c.head_conv ? grown : 0;
    default:
      return rule satisfies never;
  }
}
