/**
 * Output channels of the pruned networks (Aflalo et al. 2020, arXiv:2002.08258), by convolution: for every stage from the
 * second on, the channels out of its blocks and the expanded width of each. The first stage, the stem and the head are
 * whole; two squeeze-excites lost a channel besides.
 */
type StageWidths = readonly [out: number, expanded: readonly number[]];

const widths = (stages: readonly StageWidths[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    stages.flatMap(([out, expanded], i) =>
      expanded.flatMap((wide, j) => [
        [`blocks.${i + 1}.${j}.conv_pw`, wide],
        [`blocks.${i + 1}.${j}.conv_pwl`, out],
      ]),
    ),
  );

export const pruned = {
  efficientnet_b1_pruned: {
    ...widths([
      [12, [48, 62, 48]],
      [35, [70, 61, 51]],
      [74, [175, 188, 137, 164]],
      [67, [399, 201, 160, 213]],
      [192, [637, 806, 798, 891, 990]],
      [320, [1152, 1912]],
    ]),
    "blocks.5.0.se.conv_reduce": 27,
  },
  efficientnet_b2_pruned: {
    ...widths([
      [17, [54, 69, 61]],
      [42, [86, 72, 98]],
      [85, [245, 274, 254, 292]],
      [116, [502, 315, 354, 443]],
      [208, [719, 1148, 1160, 1182, 1228]],
      [352, [1248, 2112]],
    ]),
  },
  efficientnet_b3_pruned: {
    ...widths([
      [12, [27, 49, 48]],
      [40, [83, 90, 85]],
      [93, [215, 261, 219, 254, 236]],
      [120, [480, 235, 217, 226, 340]],
      [232, [802, 1030, 924, 1016, 1130, 1266]],
      [384, [1392, 2301]],
    ]),
    "blocks.4.3.se.conv_reduce": 33,
  },
};
