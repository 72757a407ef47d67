import { commonArgs } from "../family.ts";
import { fixedArg } from "../fixed.ts";
import { type Arg, type ConfigOf, bool, classOnly, dropRates, dropout, ints, numbers, oneOf, pair } from "../schema.ts";

/** Blocks of the first branch, of the second, and of the fusion, in one multi-scale encoder. */
export type Depth = readonly [number, number, number];

const isDepth = (v: unknown): v is Depth =>
  Array.isArray(v) &&
  v.length === 3 &&
  v.every((n: unknown, i) => Number.isInteger(n) && (n as number) >= (i < 2 ? 1 : 0) && (n as number) <= 1000);

const depths: Arg<readonly Depth[]> = {
  type: "list of [small branch >= 1, large branch >= 1, fusion >= 0]",
  default: [
    [1, 3, 1],
    [1, 3, 1],
    [1, 3, 1],
  ],
  doc: "blocks of each multi-scale encoder",
  inert: false,
  read: (v) => (Array.isArray(v) && v.every(isDepth) ? v : undefined),
};

export const args = {
  ...commonArgs,
  ...dropRates,
  img_size: pair(224, "height and width that the input is resized to, times img_scale"),
  img_scale: numbers([1, 1], "size of each branch's image over img_size", { min: 0, length: 2 }),
  patch_size: ints([8, 16], "pixels of a patch in each branch", { min: 1, length: 2 }),
  embed_dim: ints([192, 384], "width of a token in each branch", { min: 1, length: 2 }),
  depth: depths,
  num_heads: ints([6, 12], "attention heads of each branch", { min: 1, length: 2 }),
  mlp_ratio: numbers([2, 2, 4], "width inside an MLP per width of a token; the third is unused", { min: 0, length: 3 }),
  multi_conv: bool(false, "three convolutions make the patches"),
  crop_scale: bool(false, "crops the image to a branch's size where it is larger, instead of resizing it"),
  qkv_bias: bool(true, "biases of queries, keys and values"),
  global_pool: oneOf(["token", "avg"], "token", "the class tokens, or the means of the patches"),
  norm_layer: classOnly<undefined>(undefined, "the norms"),
  pos_drop_rate: dropout("dropout after the position embeddings; no effect at inference"),
  proj_drop_rate: dropout("dropout after projections; no effect at inference"),
  attn_drop_rate: dropout("dropout of attention; no effect at inference"),
  fixed: fixedArg,
};

export type CrossVitConfig = ConfigOf<typeof args>;
export const branches = [0, 1] as const;
export type Branch = (typeof branches)[number];

/** The image of a branch. */
export const imageOf = (c: CrossVitConfig, branch: Branch): readonly [number, number] => {
  const scale = c.img_scale[branch] ?? 1;
  return [Math.trunc(c.img_size[0] * scale), Math.trunc(c.img_size[1] * scale)];
};

/** How many patches timm counts: rows times pixels of width, and only then divided by the patch. */
export const patchCount = (c: CrossVitConfig, branch: Branch): number => {
  const [h, w] = imageOf(c, branch);
  const patch = c.patch_size[branch] ?? 1;
  return Math.floor((Math.floor(h / patch) * w) / patch);
};

/** What timm's constructor and forward pass fail on: the reason, or undefined. */
export function refuse(c: CrossVitConfig): string | undefined {
  for (const b of branches) {
    const [dim = 1, heads = 1, patch = 1] = [c.embed_dim[b], c.num_heads[b], c.patch_size[b]];
    if (dim % heads !== 0) return `embed_dim=${dim} must be divisible by num_heads=${heads}`;
    if (c.multi_conv && patch !== 12 && patch !== 16) return "multi_conv=true has patches of 12 or 16 pixels";
    const [h, w] = imageOf(c, b);
    if (h < patch || w < patch) return `an image of ${h}x${w} has no patch of ${patch} pixels`;
  }
  return undefined;
}
