import type { DenseNetConfig } from "./config.ts";

/** Table 1 of the paper, and timm's own with other stems. */
export const variants: Readonly<Record<string, Partial<DenseNetConfig>>> = {
  densenet121: { growth_rate: 32, block_config: [6, 12, 24, 16] },
  densenetblur121d: { growth_rate: 32, block_config: [6, 12, 24, 16], stem_type: "deep", aa_layer: "blur" },
  densenet169: { growth_rate: 32, block_config: [6, 12, 32, 32] },
  densenet201: { growth_rate: 32, block_config: [6, 12, 48, 32] },
  densenet161: { growth_rate: 48, block_config: [6, 12, 36, 24] },
  densenet264d: { growth_rate: 48, block_config: [6, 12, 64, 48], stem_type: "deep" },
};
