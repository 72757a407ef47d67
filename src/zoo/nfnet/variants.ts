import type { NfNetConfig } from "./config.ts";

type Row = Partial<NfNetConfig>;

/** NF-ResNet. */
const resnet = (depths: readonly number[], attn_layer?: "se" | "eca"): Row => ({
  depths,
  channels: [256, 512, 1024, 2048],
  stem_type: "7x7_pool",
  stem_chs: 64,
  bottle_ratio: 0.25,
  act_layer: "relu",
  ...(attn_layer === undefined ? {} : { attn_layer }),
  attn_kwargs: attn_layer === "se" ? { rd_ratio: 1 / 16 } : {},
});

/** NF-RegNet. */
const regnet = (depths: readonly number[], channels: readonly number[] = [48, 104, 208, 440]): Row => ({
  depths,
  channels,
  stem_type: "3x3",
  group_size: 8,
  width_factor: 0.75,
  bottle_ratio: 2.25,
  num_features: Math.floor((1280 * (channels.at(-1) ?? 0)) / 440),
  reg: true,
  attn_layer: "se",
  attn_kwargs: { rd_ratio: 0.5 },
});

/** NFNet with symmetric padding. */
const nfnet = (depths: readonly number[], rest: Row = {}, featureRatio = 2): Row => {
  const channels = rest.channels ?? [256, 512, 1536, 1536];
  return {
    depths,
    channels,
    stem_type: "deep_quad",
    stem_chs: 128,
    group_size: 128,
    bottle_ratio: 0.5,
    extra_conv: true,
    num_features: Math.trunc((channels.at(-1) ?? 0) * featureRatio),
    act_layer: "gelu",
    attn_layer: "se",
    attn_kwargs: { rd_ratio: 0.5 },
    ...rest,
  };
};

/** The published networks: SAME padding, the gain in the activation. */
const deepMind = (depths: readonly number[]): Row =>
  nfnet(depths, { gamma_in_act: true, same_padding: true, skipinit: true });

/** timm's smaller ones. */
const light: Row = { group_size: 64, bottle_ratio: 0.25, act_layer: "silu" };
const eca: Row = { ...light, attn_layer: "eca", attn_kwargs: {} };
const narrow = { rd_ratio: 0.25, rd_divisor: 8 };

/** Table 1: F0 to F6, and one more. */
const depths = (n: number): readonly number[] => [n, 2 * n, 6 * n, 3 * n];

/** A row per architecture. */
export const variants: Readonly<Record<string, Row>> = {
  ...Object.fromEntries([0, 1, 2, 3, 4, 5, 6].map((i) => [`dm_nfnet_f${i}`, deepMind(depths(i + 1))])),
  ...Object.fromEntries([0, 1, 2, 3, 4, 5, 6, 7].map((i) => [`nfnet_f${i}`, nfnet(depths(i + 1))])),
  nfnet_l0: nfnet(depths(1), { ...light, attn_kwargs: narrow }, 1.5),
  eca_nfnet_l0: nfnet(depths(1), eca, 1.5),
  eca_nfnet_l1: nfnet(depths(2), eca),
  eca_nfnet_l2: nfnet(depths(3), eca),
  eca_nfnet_l3: nfnet(depths(4), eca),
  nf_regnet_b0: regnet([1, 3, 6, 6]),
  nf_regnet_b1: regnet([2, 4, 7, 7]),
  nf_regnet_b2: regnet([2, 4, 8, 8], [56, 112, 232, 488]),
  nf_regnet_b3: regnet([2, 5, 9, 9], [56, 128, 248, 528]),
  nf_regnet_b4: regnet([2, 6, 11, 11], [64, 144, 288, 616]),
  nf_regnet_b5: regnet([3, 7, 14, 14], [80, 168, 336, 704]),
  nf_resnet26: resnet([2, 2, 2, 2]),
  nf_resnet50: resnet([3, 4, 6, 3]),
  nf_resnet101: resnet([3, 4, 23, 3]),
  nf_seresnet26: resnet([2, 2, 2, 2], "se"),
  nf_seresnet50: resnet([3, 4, 6, 3], "se"),
  nf_seresnet101: resnet([3, 4, 23, 3], "se"),
  nf_ecaresnet26: resnet([2, 2, 2, 2], "eca"),
  nf_ecaresnet50: resnet([3, 4, 6, 3], "eca"),
  nf_ecaresnet101: resnet([3, 4, 23, 3], "eca"),
  test_nfnet: nfnet([1, 1, 1, 1], { ...light, channels: [32, 64, 96, 128], group_size: 8, attn_kwargs: narrow }, 1.5),
};
