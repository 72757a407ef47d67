import { TimmcError } from "../../ir/error.ts";
import type { BlockSpec } from "./block-string.ts";

/** What a block needs to know of its place in the network. Channels are those of the design, before any pruning. */
export interface Place {
  readonly in: number;
  readonly out: number;
  readonly stride: number;
  readonly dilation: number;
  /** Inputs of squeeze-excite per reduced channel, over the expanded width; 0 for none. */
  readonly seRatio: number;
  /** The block turns space into depth, so that it and those after it are half as high and wide. */
  readonly entersS2d: boolean;
}

export type Block = BlockSpec & Place;

/** A block whose output is a feature stage of timm's, or stage 0, the stem. */
interface FeaturePoint {
  readonly stage: number;
  readonly channels: number;
  readonly reduction: number;
}

export interface Plan {
  readonly stages: readonly (readonly Block[])[];
  readonly features: readonly FeaturePoint[];
  /** Channels out of the last block. */
  readonly channels: number;
}

interface PlanRules {
  readonly outputStride: number;
  readonly round: (channels: number) => number;
  /** Squeeze-excite ratios are of the expanded width, not of the block's input. */
  readonly seFromExpansion: boolean;
}

const expansionOf = (block: BlockSpec): number | undefined => ("expansion" in block ? block.expansion : undefined);

/**
 * Places blocks one after the other: strides (of the first block of a stage only), dilation in place of strides beyond
 * the output stride (from the block after), space-to-depth regions, channels, and where timm takes features: at the end
 * of a stage whose successor has a stride, at the last one, and at the stem where the first stage has a stride.
 */
export function planBlocks(stem: number, stages: readonly (readonly BlockSpec[])[], rules: PlanRules): Plan {
  const features: FeaturePoint[] = [];
  let channels = stem;
  let reduction = 2;
  let dilation = 1;
  let s2d: "outside" | "inside" = "outside";
  if ((stages[0]?.[0]?.stride ?? 1) > 1) features.push({ stage: 0, channels, reduction });

  const place = (spec: BlockSpec, first: boolean): Block => {
    let stride = first ? spec.stride : 1;
    let expansion = expansionOf(spec);
    const entersS2d = s2d === "outside" && "s2d" in spec && spec.s2d;
    if (entersS2d && stride > 1) throw new TimmcError("config", "a block cannot stride and turn space into depth");
    if (s2d === "inside" && stride > 1) {
      // The region's own stride was already taken; widths are of the four times wider input.
      stride = 1;
      expansion = expansion === undefined ? undefined : expansion / 4;
      s2d = "outside";
    } else if (entersS2d) s2d = "inside";
    const own = dilation;
    if (reduction * stride > rules.outputStride) {
      dilation *= stride;
      stride = 1;
    } else reduction *= stride;
    const se = "se" in spec ? spec.se / (rules.seFromExpansion ? 1 : (expansion ?? 1)) : 0;
    const block = {
      ...spec,
      ...(expansion === undefined ? {} : { expansion }),
      ...("forceIn" in spec && spec.forceIn > 0 ? { forceIn: rules.round(spec.forceIn) } : {}),
      in: channels,
      out: rules.round(spec.out) * (s2d === "inside" ? 4 : 1),
      stride,
      dilation: own,
      seRatio: entersS2d ? se / 4 : se,
      entersS2d,
    };
    channels = block.out;
    return block as Block;
  };

  const placed = stages.map((stage, i) => {
    const blocks = stage.map((spec, j) => place(spec, j === 0));
    if ((stages[i + 1]?.[0]?.stride ?? 2) > 1) features.push({ stage: i + 1, channels, reduction });
    return blocks;
  });
  return { stages: placed, features, channels };
}
