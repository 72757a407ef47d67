import type { SkNetConfig } from "./config.ts";

const narrow = { sk_kwargs: { rd_ratio: 1 / 8, rd_divisor: 16, split_input: true } };
const halves = { sk_kwargs: { split_input: true } };

/** A row per architecture; all but the last split the channels over the two kernels, which the paper does not. */
export const variants: Readonly<Record<string, Partial<SkNetConfig>>> = {
  skresnet18: { block: "basic", layers: [2, 2, 2, 2], block_args: narrow },
  skresnet34: { block: "basic", layers: [3, 4, 6, 3], block_args: narrow },
  skresnet50: { layers: [3, 4, 6, 3], block_args: halves },
  skresnet50d: { layers: [3, 4, 6, 3], stem_width: 32, stem_type: "deep", avg_down: true, block_args: halves },
  skresnext50_32x4d: {
    layers: [3, 4, 6, 3],
    cardinality: 32,
    base_width: 4,
    block_args: { sk_kwargs: { rd_ratio: 1 / 16, rd_divisor: 32, split_input: false } },
  },
};
