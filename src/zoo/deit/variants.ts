import { type Row, patch, sizes } from "../vision-transformer/sizes.ts";

/** The distilled architectures have a second token and head. */
type DeitRow = Row & { readonly kind?: "distilled" };

const { tiny, small, medium, base, large, huge } = sizes;
const distilled: DeitRow = { kind: "distilled" };
/** DeiT III: LayerScale, and position embeddings on the patches alone. */
const third: Row = { no_embed_class: true, init_values: 1e-6 };

/** A row per architecture: what differs from ViT-Base with patches of 16 pixels. */
export const variants: Readonly<Record<string, DeitRow>> = {
  deit_tiny_patch16_224: tiny,
  deit_small_patch16_224: small,
  deit_base_patch16_224: base,
  deit_base_patch16_384: base,
  deit_tiny_distilled_patch16_224: { ...distilled, ...tiny },
  deit_small_distilled_patch16_224: { ...distilled, ...small },
  deit_base_distilled_patch16_224: distilled,
  deit_base_distilled_patch16_384: distilled,
  deit3_small_patch16_224: { ...third, ...small },
  deit3_small_patch16_384: { ...third, ...small },
  deit3_medium_patch16_224: { ...third, ...medium },
  deit3_base_patch16_224: third,
  deit3_base_patch16_384: third,
  deit3_large_patch16_224: { ...third, ...large },
  deit3_large_patch16_384: { ...third, ...large },
  deit3_huge_patch14_224: { ...third, ...huge, ...patch(14) },
};
