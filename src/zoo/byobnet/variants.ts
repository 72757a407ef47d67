import type { ByobConfig, StageRow } from "./config.ts";
import type { BlockRow } from "./design.ts";

export type Row = Partial<ByobConfig>;

const widths = [64, 128, 256, 512];

/** Stages from depths: `of` says the rest by the stage. */
const stages = <T>(list: readonly T[], of: (value: T, stage: number) => StageRow): readonly StageRow[] => list.map(of);

/** GENet (arXiv:2006.14090): two stages of basic blocks, one narrow bottleneck stage, two of inverted ones. */
const gernet = (
  basic: readonly (readonly [d: number, c: number])[],
  bottle: readonly [d: number, c: number],
  inverted: readonly (readonly [d: number, c: number, s: number])[],
): readonly StageRow[] => [
  ...basic.map(([d, c]): BlockRow => ({ type: "basic", d, c, gs: 0 })),
  { type: "bottle", d: bottle[0], c: bottle[1], gs: 0, br: 1 / 4 },
  ...inverted.map(([d, c, s]): BlockRow => ({ type: "bottle", d, c, s, gs: 1, br: 3 })),
];

const gernetRow = (blocks: readonly StageRow[], stem_chs: number, num_features: number): Row => ({
  blocks,
  stem_chs,
  stem_pool: "",
  num_features,
});

/** RepVGG (arXiv:2101.03697, table 2). */
const repvgg = (
  factors: readonly number[],
  { d = [4, 6, 16, 1], groups = 0, stem = 64 }: { d?: readonly number[]; groups?: number; stem?: number } = {},
): Row => ({
  blocks: stages(d, (depth, i) => ({
    type: "rep",
    d: depth,
    c: (widths[i] ?? 0) * (factors[i] ?? 1),
    gs: groups === 0 ? 0 : { alternate: groups },
  })),
  stem_type: "rep",
  stem_chs: stem,
});
const small = [2, 4, 14, 1];

/** MobileOne (arXiv:2206.04040, table 2): pairs of a depthwise and a pointwise block; `se` counts pairs with attention. */
function mobileone(factors: readonly number[], stem_chs: number, branches = 1, se = [0, 0, 0, 0]): Row {
  let before = Math.min(64, 64 * (factors[0] ?? 1));
  const blocks = [2, 8, 10, 1].map((depth, i) => {
    const c = (widths[i] ?? 0) * (factors[i] ?? 1);
    return Array.from({ length: depth }, (_, j): BlockRow[] => {
      const attn = j >= depth - (se[i] ?? 0) ? ({ attn_layer: "se" } as const) : {};
      const depthwise = before;
      before = c;
      return [
        { type: "one", c: depthwise, gs: 1, block_kwargs: { num_conv_branches: branches }, ...attn },
        { type: "one", c, gs: 0, block_kwargs: { kernel_size: 1, num_conv_branches: branches }, ...attn },
      ];
    }).flat();
  });
  return { blocks, stem_type: "one", stem_chs };
}

/** Bottlenecks of a quarter of their stage's width. */
const bottles = (
  depths: readonly number[],
  channels: readonly number[],
  gs = 0,
  first: 1 | 2 = 1,
): readonly StageRow[] =>
  stages(depths, (d, i) => ({ type: "bottle", d, c: channels[i] ?? 0, s: i === 0 ? first : 2, gs, br: 0.25 }));

const wide = [256, 512, 1024, 2048];
const uneven = [256, 512, 1536, 1536];
const tiered: Row = { stem_chs: 64, stem_type: "tiered", act_layer: "silu" };

const quad = { stem_chs: 128, stem_pool: "", num_features: 2048, act_layer: "silu" } as const;
const quadStages = bottles([4, 6], uneven.slice(1, 3), 32, 2);
const quadLast: BlockRow = { type: "bottle", d: 4, c: 1536, gs: 1 };

const resnext26ts: Row = { ...tiered, blocks: bottles([2, 2, 2, 2], wide, 32), stem_pool: "maxpool" };
const resnet33ts: Row = { ...tiered, blocks: bottles([2, 3, 3, 2], uneven), stem_pool: "", num_features: 1280 };

/** RegNetZ in timm's sizes: inverted bottlenecks without shortcut convolutions or last activation. */
const regnetz = (depths: readonly number[], channels: readonly number[], gs: number, br: number, rest: Row): Row => ({
  blocks: stages(depths, (d, i) => ({
    type: "bottle",
    d,
    c: channels[i] ?? 0,
    s: i === 0 && rest.stem_type !== undefined ? 1 : 2,
    gs,
    br,
  })),
  stem_pool: "",
  downsample: "",
  act_layer: "silu",
  attn_layer: "se",
  attn_kwargs: { rd_ratio: 0.25 },
  block_kwargs: { bottle_in: true, linear_out: true },
  ...rest,
});

const evos: Row = { norm_layer: { kind: "evonorms0a", group_size: 16 } };
const regnetzB = (rest: Row = {}): Row =>
  regnetz([2, 6, 12, 2], [48, 96, 192, 288], 16, 3, { stem_chs: 32, num_features: 1536, ...rest });
const regnetzC = (rest: Row = {}): Row =>
  regnetz([2, 6, 12, 2], [48, 96, 192, 288], 16, 4, { stem_chs: 32, num_features: 1536, ...rest });
const regnetzD = (gs: number, rest: Row): Row =>
  regnetz([3, 6, 12, 3], [64, 128, 256, 384], gs, 4, { stem_chs: 64, num_features: 1792, ...rest });

/** CLIP's modified ResNets (Radford et al. 2021, section 2.4): a deep stem, average pools before strides. */
const clipTrunk = (depths: readonly number[], width_factor = 1): Row => ({
  blocks: bottles(depths, wide),
  width_factor,
  stem_chs: [32, 32, 64],
  stem_type: "",
  stem_pool: "avg2",
  downsample: "avg",
  aa_layer: "avg",
});

const clipSizes = {
  resnet50: clipTrunk([3, 4, 6, 3]),
  resnet101: clipTrunk([3, 4, 23, 3]),
  resnet50x4: clipTrunk([4, 6, 10, 6], 1.25),
  resnet50x16: clipTrunk([6, 8, 18, 8], 1.5),
  resnet50x64: clipTrunk([3, 15, 36, 10], 2),
};
const clip = Object.fromEntries(
  Object.entries(clipSizes).flatMap(([name, row]) => [
    [`${name}_clip`, { ...row, head_type: "attn_abs" }],
    [`${name}_clip_gap`, row],
  ]),
) as Readonly<Record<string, Row>>;

/** A row per architecture. */
export const variants: Readonly<Record<string, Row>> = {
  gernet_l: gernetRow(
    gernet(
      [
        [1, 128],
        [2, 192],
      ],
      [6, 640],
      [
        [5, 640, 2],
        [4, 640, 1],
      ],
    ),
    32,
    2560,
  ),
  gernet_m: gernetRow(
    gernet(
      [
        [1, 128],
        [2, 192],
      ],
      [6, 640],
      [
        [4, 640, 2],
        [1, 640, 1],
      ],
    ),
    32,
    2560,
  ),
  gernet_s: gernetRow(
    gernet(
      [
        [1, 48],
        [3, 48],
      ],
      [7, 384],
      [
        [2, 560, 2],
        [1, 256, 1],
      ],
    ),
    13,
    1920,
  ),
  repvgg_a0: repvgg([0.75, 0.75, 0.75, 2.5], { d: small, stem: 48 }),
  repvgg_a1: repvgg([1, 1, 1, 2.5], { d: small }),
  repvgg_a2: repvgg([1.5, 1.5, 1.5, 2.75], { d: small }),
  repvgg_b0: repvgg([1, 1, 1, 2.5]),
  repvgg_b1: repvgg([2, 2, 2, 4]),
  repvgg_b1g4: repvgg([2, 2, 2, 4], { groups: 4 }),
  repvgg_b2: repvgg([2.5, 2.5, 2.5, 5]),
  repvgg_b2g4: repvgg([2.5, 2.5, 2.5, 5], { groups: 4 }),
  repvgg_b3: repvgg([3, 3, 3, 5]),
  repvgg_b3g4: repvgg([3, 3, 3, 5], { groups: 4 }),
  repvgg_d2se: {
    ...repvgg([2.5, 2.5, 2.5, 5], { d: [8, 14, 24, 1] }),
    attn_layer: "se",
    attn_kwargs: { rd_ratio: 0.0625, rd_divisor: 1 },
  },
  resnet51q: { ...quad, blocks: [...bottles([2], wide, 32), ...quadStages, quadLast], stem_type: "quad2" },
  resnet61q: {
    ...quad,
    blocks: [{ type: "edge", c: 256, s: 1, gs: 0, block_kwargs: {} }, ...quadStages, quadLast],
    stem_type: "quad",
    block_kwargs: { extra_conv: true },
  },
  resnext26ts,
  gcresnext26ts: { ...resnext26ts, attn_layer: "gca" },
  seresnext26ts: { ...resnext26ts, attn_layer: "se" },
  eca_resnext26ts: { ...resnext26ts, attn_layer: "eca" },
  bat_resnext26ts: { ...resnext26ts, attn_layer: "bat", attn_kwargs: { block_size: 8 } },
  resnet32ts: { ...resnet33ts, num_features: 0 },
  resnet33ts,
  gcresnet33ts: { ...resnet33ts, attn_layer: "gca" },
  seresnet33ts: { ...resnet33ts, attn_layer: "se" },
  eca_resnet33ts: { ...resnet33ts, attn_layer: "eca" },
  gcresnet50t: { ...tiered, act_layer: "relu", blocks: bottles([3, 4, 6, 3], wide), stem_pool: "", attn_layer: "gca" },
  gcresnext50ts: { ...tiered, blocks: bottles([3, 4, 6, 3], wide, 32), stem_pool: "maxpool", attn_layer: "gca" },
  regnetz_b16: regnetzB(),
  regnetz_c16: regnetzC(),
  regnetz_d32: regnetzD(32, { stem_type: "tiered" }),
  regnetz_d8: regnetzD(8, { stem_type: "tiered" }),
  regnetz_e8: regnetz([3, 8, 16, 3], [96, 192, 384, 512], 8, 4, {
    stem_chs: 64,
    stem_type: "tiered",
    num_features: 2048,
  }),
  regnetz_b16_evos: regnetzB(evos),
  regnetz_c16_evos: regnetzC(evos),
  regnetz_d8_evos: regnetzD(8, { ...evos, stem_type: "deep" }),
  mobileone_s0: mobileone([0.75, 1, 1, 2], 48, 4),
  mobileone_s1: mobileone([1.5, 1.5, 2, 2.5], 64),
  mobileone_s2: mobileone([1.5, 2, 2.5, 4], 64),
  mobileone_s3: mobileone([2, 2.5, 3, 4], 64),
  mobileone_s4: mobileone([3, 3.5, 3.5, 4], 64, 1, [0, 0, 5, 1]),
  ...clip,
  resnet50_mlp: { ...clipSizes.resnet50, head_type: "mlp", head_hidden_size: 1024 },
  test_byobnet: {
    blocks: [
      { type: "edge", c: 32, gs: 0, br: 0.5 },
      { type: "dark", c: 64, gs: 0, br: 0.5 },
      { type: "basic", c: 128, gs: 32, br: 0.25 },
      { type: "bottle", c: 256, gs: 64, br: 0.25 },
    ],
    stem_chs: 24,
    downsample: "avg",
    stem_pool: "",
    attn_layer: "se",
    attn_kwargs: { rd_ratio: 0.25 },
  },
};
