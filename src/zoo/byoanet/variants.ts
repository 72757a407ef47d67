import type { BlockRow } from "../byobnet/design.ts";
import type { Row } from "../byobnet/variants.ts";
import { bottleneckAttention } from "./bottleneck-attention.ts";
import { haloAttention } from "./halo-attention.ts";
import { lambdaLayer } from "./lambda-layer.ts";
import { selfAttentionBlock } from "./self-attention.ts";

type Shape = Omit<BlockRow, "type" | "d">;
type Attention = Parameters<typeof selfAttentionBlock>[0];

const convs = (d: number, shape: Shape): BlockRow => ({ ...shape, type: "bottle", d });
const attends = (d: number, shape: Shape, attention: Attention): BlockRow => ({
  ...shape,
  type: selfAttentionBlock(attention),
  d,
});

/** A stage of convolutional bottlenecks with attention in the places named. */
const mixed = (d: number, shape: Shape, attention: Attention, places: readonly number[]): BlockRow[] =>
  Array.from({ length: d }, (_, i) => (places.includes(i) ? attends(1, shape, attention) : convs(1, shape)));

const every2nd = [1, 3, 5];

const at = (c: number, gs = 0, s: 1 | 2 = 2, br = 0.25): Shape => ({ c, s, gs, br });

/** 26 layers: attention in half of the third stage and all of the fourth. */
const small = (attention: Attention, gs = 0): Row => ({
  blocks: [
    convs(2, at(256, gs, 1)),
    convs(2, at(512, gs)),
    mixed(2, at(1024, gs), attention, every2nd),
    attends(2, at(2048, gs), attention),
  ],
  stem_chs: 64,
  stem_type: "tiered",
  stem_pool: "maxpool",
});

/** 33 layers without a stem pool: attention at the end of two stages and in all of the last. */
const medium = (attention: Attention): Row => ({
  blocks: [
    convs(2, at(256, 0, 1)),
    mixed(3, at(512), attention, [2]),
    mixed(3, at(1024), attention, [2]),
    attends(2, at(1536, 0, 2, 0.333), attention),
  ],
  stem_chs: 64,
  stem_type: "tiered",
  stem_pool: "",
  act_layer: "silu",
  num_features: 1280,
  attn_layer: "se",
});

/** 50 layers: the attention of each stage but the first, and its places in the second. */
const large = (
  [second, third, fourth]: readonly [Attention, Attention, Attention],
  places: readonly number[],
  stem_pool: "" | "maxpool",
): Row => ({
  blocks: [
    convs(3, at(256, 0, 1)),
    mixed(4, at(512), second, places),
    mixed(6, at(1024), third, every2nd),
    mixed(3, at(2048), fourth, every2nd),
  ],
  stem_chs: 64,
  stem_type: "tiered",
  stem_pool,
  act_layer: "silu",
});

const bottleneck = bottleneckAttention();
const halo = (size: number): Attention => haloAttention({ halo: size });
const lambda9 = lambdaLayer({ radius: 9 });
const regnetHalo = haloAttention({ block: 7, halo: 2, qkRatio: 0.33 });
const regnet = (c: number): Shape => at(c, 16, 2, 3);
const fixed: Row = { fixed_input_size: true, img_size: [256, 256] };

/** A row per architecture. */
export const variants: Readonly<Record<string, Row>> = {
  botnet26t_256: { ...small(bottleneck), ...fixed },
  sebotnet33ts_256: medium(bottleneck),
  botnet50ts_256: { ...large([bottleneck, bottleneck, bottleneck], [3], "maxpool"), ...fixed },
  eca_botnext26ts_256: {
    ...small(bottleneckAttention({ dimHead: 16 }), 16),
    ...fixed,
    act_layer: "silu",
    attn_layer: "eca",
  },
  halonet_h1: {
    blocks: [
      attends(3, at(64, 0, 1, 1), halo(3)),
      attends(3, at(128, 0, 2, 1), halo(3)),
      attends(10, at(256, 0, 2, 1), halo(3)),
      attends(3, at(512, 0, 2, 1), halo(3)),
    ],
    stem_chs: 64,
    stem_type: "7x7",
    stem_pool: "maxpool",
  },
  halonet26t: small(halo(2)),
  sehalonet33ts: medium(halo(3)),
  halonet50ts: large([haloAttention({ halo: 3, heads: 4 }), halo(3), halo(3)], [3], "maxpool"),
  eca_halonext26ts: { ...small(haloAttention({ halo: 2, dimHead: 16 }), 16), act_layer: "silu", attn_layer: "eca" },
  lambda_resnet26t: small(lambda9),
  lambda_resnet50ts: large([lambda9, lambda9, lambda9], [3], "maxpool"),
  lambda_resnet26rpt_256: { ...small(lambdaLayer({})), img_size: [256, 256] },
  haloregnetz_b: {
    blocks: [
      convs(2, regnet(48)),
      convs(6, regnet(96)),
      mixed(12, regnet(192), regnetHalo, [3, 7, 11]),
      attends(2, regnet(288), regnetHalo),
    ],
    stem_chs: 32,
    stem_pool: "",
    downsample: "",
    num_features: 1536,
    act_layer: "silu",
    attn_layer: "se",
    attn_kwargs: { rd_ratio: 0.25 },
    block_kwargs: { bottle_in: true, linear_out: true },
  },
  lamhalobotnet50ts_256: large([lambdaLayer({ radius: 13 }), halo(3), bottleneck], every2nd, ""),
  halo2botnet50ts_256: large([halo(3), halo(3), bottleneck], every2nd, ""),
};
