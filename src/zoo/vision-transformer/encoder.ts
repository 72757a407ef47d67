/** From an image to the tokens that leave the last block, with a feature map per block. */
import { type Dim, mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Stage } from "../family.ts";
import type { Pair } from "../layers/conv.ts";
import { patchEmbed, patchGrid, toMap } from "../layers/patch-embed.ts";
import { resamplePosEmbed } from "../layers/pos-embed.ts";
import { tokenNorm } from "../layers/token-norm.ts";
import { dropTokens } from "../layers/tokens.ts";
import type { Module, Scope } from "../scope.ts";
import { blocks } from "./blocks.ts";
import { type VitConfig, normsPooled } from "./config.ts";

/** How an image becomes patches. */
export interface Patches {
  /** `patch_embed`: tokens [N, L, C], or a map [N, H, W, C] with dynamic_img_size. */
  readonly module: Module;
  /** Rows and columns of patches in an image of img_size, which the position embeddings cover. */
  readonly native: Pair;
  /** Rows and columns in this image. */
  readonly grid: readonly [Dim, Dim];
  /** Pixels per patch, as timm states it for the features. */
  readonly reduction: number;
}

/** Rows and columns of patches in an image of img_size. */
export const nativeGrid = ({ img_size: [h, w], patch_size: [ph, pw] }: VitConfig): Pair => [
  Math.floor(h / ph),
  Math.floor(w / pw),
];

/** A convolution over non-overlapping patches. */
export function convPatches(c: VitConfig, image: Value): Patches {
  const [h = 1, w = 1] = image.type.shape.slice(2);
  return {
    module: patchEmbed({
      patch: c.patch_size,
      width: c.embed_dim,
      bias: !c.pre_norm,
      norm: c.embed_norm_layer && tokenNorm(c.embed_norm_layer),
      format: c.dynamic_img_size ? "NHWC" : "NLC",
      size: c.dynamic_img_size ? undefined : c.img_size,
      pad: c.dynamic_img_pad,
    }),
    native: nativeGrid(c),
    grid: patchGrid([h, w], c.patch_size, c.dynamic_img_pad),
    reduction: Math.max(...c.patch_size),
  };
}

/** Tokens before those of the patches: parameters of the model, and how many tokens each holds. */
export type Prefix = readonly (readonly [name: string, count: number])[];

/** The class token and the registers (Darcet et al. 2023). */
export const prefixOf = (c: VitConfig): Prefix => {
  const both = [
    ["cls_token", c.class_token ? 1 : 0],
    ["reg_token", c.reg_tokens],
  ] as const;
  return both.filter(([, count]) => count > 0);
};

export const prefixLength = (prefix: Prefix): number => prefix.reduce((sum, [, count]) => sum + count, 0);

/** Position embeddings of prefix tokens: of all of them, or of none. */
export const coveredTokens = (c: VitConfig, prefix: Prefix): number => (c.no_embed_class ? 0 : prefixLength(prefix));

export interface Encoded {
  /** What timm's forward_features returns: after `norm`, where the final norm comes before pooling. */
  readonly tokens: Value;
  readonly stages: readonly Stage[];
}

/** Embedding, blocks and final norm (Dosovitskiy et al. 2020, eq. 1 to 3). */
export function encode(s: Scope, image: Value, c: VitConfig, prefix: Prefix, patches: Patches): Encoded {
  const norm = tokenNorm(c.norm_layer);
  const finalNorm = c.final_norm && !normsPooled(c) ? norm : undefined;
  const embedded = embed(s, s.call("patch_embed", patches.module, image), c, prefix, patches);
  const outputs: Value[] = [];
  const stack: Module = (t, x) => {
    for (let i = 0; i < c.depth; i++) outputs.push(t.call(i, blocks[c.block_fn](c, i), outputs.at(-1) ?? x));
    return outputs.at(-1) ?? x;
  };
  const tokens = s.chain(embedded, {
    norm_pre: c.pre_norm ? norm : undefined,
    blocks: stack,
    norm: finalNorm,
  });
  const leading = prefixLength(prefix);
  const mapOf = (x: Value): Value => toMap(s, dropTokens(s, x, leading), patches.grid);
  const stages = outputs.map((x, i): Stage => ({
    module: `blocks.${i}`,
    value: mapOf(x),
    reduction: patches.reduction,
    format: "NCHW",
    intermediate: (normed) => {
      const y = normed && finalNorm !== undefined ? finalNorm(s.at("norm"), x) : x;
      return {
        value: mapOf(y),
        prefix: leading === 0 ? undefined : s.slice(y, { axis: 1, range: [0, leading] }),
        normed: normed && finalNorm !== undefined,
      };
    },
  }));
  return { tokens, stages };
}

/** Prefix tokens before the patches, and position embeddings on all of them or on the patches alone. */
function embed(s: Scope, embedded: Value, c: VitConfig, prefix: Prefix, { native, grid }: Patches): Value {
  const [n = 1] = embedded.type.shape;
  const width = c.embed_dim;
  const x = c.dynamic_img_size ? s.reshape(embedded, { shape: [n, mulDim(...grid), width] }) : embedded;
  const tokens = prefix.map(([name, count]) =>
    s.expand(s.param(name, [1, count, width]), { shape: [n, count, width] }),
  );
  const join = (y: Value): Value => (tokens.length === 0 ? y : s.concat([...tokens, y], { axis: 1 }));
  if (c.pos_embed !== "learn") return join(x);
  const covered = coveredTokens(c, prefix);
  const table = s.param("pos_embed", [1, covered + native[0] * native[1], width]);
  const positions = resamplePosEmbed(s, table, native, grid, covered);
  return c.no_embed_class ? join(s.add(x, positions)) : s.add(join(x), positions);
}
