import { describe, expect, it } from "vitest";
import { type Size, compareSizes } from "./compare.ts";

/**
 * Windows and positions at the sizes where they go wrong: maps smaller than a window, or than its shift, windows that stand
 * out on one side or on both, a map that is one window, tables that are longer and shorter than the map. Networks are made
 * small by timm's arguments, with two blocks a stage, since every other block has shifted windows.
 */
interface Case {
  readonly model: string;
  readonly multiple: number;
  readonly sizes: readonly Size[];
  readonly args?: Readonly<Record<string, unknown>>;
}

const small = { depths: [2, 2, 2, 2], embed_dim: 24 };
const one = [1, 1, 1, 1];

const anySize: readonly Size[] = [
  [224, 224],
  [203, 241],
  [33, 65],
  [290, 133],
  [448, 80],
];

/** In multiples of `step`. */
const times = (step: number, sizes: readonly Size[]): readonly Size[] =>
  sizes.map(([h, w]): Size => [step * h, step * w]);

/** From maps of two positions, which a shift of three moves by one, to two windows and a part. */
const patches = times(4, [
  [56, 56],
  [50, 61],
  [8, 8],
  [70, 33],
  [112, 20],
]);

const whole = times(1, [
  [1, 1],
  [1, 2],
  [2, 1],
  [2, 2],
  [1, 3],
]);

const cases: readonly Case[] = [
  { model: "swin_tiny_patch4_window7_224", multiple: 4, sizes: patches, args: small },
  { model: "swin_s3_tiny_224", multiple: 4, sizes: patches, args: { ...small, always_partition: true } },
  { model: "swinv2_tiny_window8_256", multiple: 4, sizes: patches, args: small },
  { model: "swinv2_cr_tiny_224", multiple: 1, sizes: anySize, args: small },
  {
    model: "maxvit_tiny_tf_224",
    multiple: 224,
    sizes: times(224, whole),
    args: { depths: one, embed_dim: [32, 32, 64, 64] },
  },
  {
    model: "maxvit_rmlp_pico_rw_256",
    multiple: 256,
    sizes: times(256, whole),
    args: { depths: one, embed_dim: [32, 32, 64, 64] },
  },
  { model: "tiny_vit_5m_224", multiple: 1, sizes: anySize, args: { depths: one, embed_dims: [32, 32, 40, 80] } },
  { model: "davit_tiny", multiple: 1, sizes: anySize, args: { depths: one, embed_dims: [24, 48, 96, 192] } },
  {
    model: "twins_svt_small",
    multiple: 1,
    sizes: anySize,
    args: { depths: [2, 2, 2, 2], embed_dims: [16, 32, 64, 128] },
  },
  { model: "pvt_v2_b2_li", multiple: 1, sizes: anySize, args: { depths: one, embed_dims: [16, 32, 80, 128] } },
  {
    model: "samvit_base_patch16_224",
    multiple: 16,
    sizes: times(16, [
      [14, 14],
      [13, 15],
      [3, 2],
      [20, 9],
      [28, 5],
    ]),
    args: { depth: 3, embed_dim: 96, num_heads: 4, global_attn_indexes: [1], use_abs_pos: true },
  },
  {
    model: "sam2_hiera_tiny",
    multiple: 32,
    sizes: times(32, [
      [7, 7],
      [6, 9],
      [1, 2],
      [14, 5],
      [3, 3],
    ]),
    args: { embed_dim: 24, stages: [1, 1, 2, 1], global_att_blocks: [3] },
  },
  {
    model: "mvitv2_tiny",
    multiple: 32,
    sizes: times(32, [
      [7, 7],
      [6, 5],
      [1, 2],
      [3, 7],
      [3, 3],
    ]),
  },
];

describe("windows and tables of positions over open sizes", () => {
  it.each(cases)("$model", { timeout: 120_000 }, async ({ model, multiple, sizes, args = {} }) => {
    const found = await compareSizes(model, { args, sizes });
    expect(found.multiple).toBe(multiple);
    expect(found.results.map((r) => r.size)).toEqual(sizes);
    expect(found.results.filter((r) => r.fault !== null || r.isRounding)).toEqual([]);
  });
});
