/**
 * Output channels of the pruned networks (Aflalo et al. 2020, arXiv:2002.08258), by convolution. A row lists a block's
 * conv1, conv2, conv3 and, where it has one, the shortcut's convolution; the stem is not pruned.
 */
type Rows = Readonly<Record<string, readonly number[]>>;

const names = ["conv1", "conv2", "conv3", "downsample.1"];

const widths = (stages: readonly Rows[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    stages.flatMap((rows) =>
      Object.entries(rows).flatMap(([block, row]) => row.map((out, i) => [`${block}.${names[i] ?? ""}`, out] as const)),
    ),
  );

export const pruned = {
  ecaresnet50d_pruned: widths([
    { "layer1.0": [47, 18, 19, 19], "layer1.1": [52, 22, 19], "layer1.2": [64, 35, 19] },
    {
      "layer2.0": [85, 37, 171, 171],
      "layer2.1": [107, 80, 171],
      "layer2.2": [120, 85, 171],
      "layer2.3": [125, 87, 171],
    },
    {
      "layer3.0": [198, 126, 818, 818],
      "layer3.1": [255, 232, 818],
      "layer3.2": [256, 233, 818],
      "layer3.3": [253, 235, 818],
      "layer3.4": [256, 225, 818],
      "layer3.5": [256, 239, 818],
    },
    { "layer4.0": [492, 237, 2022, 2022], "layer4.1": [512, 500, 2022], "layer4.2": [512, 490, 2022] },
  ]),
  ecaresnet101d_pruned: widths([
    { "layer1.0": [45, 25, 26, 26], "layer1.1": [53, 20, 26], "layer1.2": [60, 27, 26] },
    {
      "layer2.0": [81, 24, 142, 142],
      "layer2.1": [93, 49, 142],
      "layer2.2": [102, 54, 142],
      "layer2.3": [122, 78, 142],
    },
    {
      "layer3.0": [101, 25, 278, 278],
      "layer3.1": [239, 160, 278],
      "layer3.2": [234, 156, 278],
      "layer3.3": [250, 176, 278],
      "layer3.4": [253, 191, 278],
      "layer3.5": [251, 175, 278],
      "layer3.6": [230, 128, 278],
      "layer3.7": [244, 154, 278],
      "layer3.8": [244, 159, 278],
      "layer3.9": [238, 97, 278],
      "layer3.10": [244, 149, 278],
      "layer3.11": [253, 181, 278],
      "layer3.12": [245, 119, 278],
      "layer3.13": [255, 216, 278],
      "layer3.14": [256, 201, 278],
      "layer3.15": [253, 149, 278],
      "layer3.16": [254, 141, 278],
      "layer3.17": [256, 190, 278],
      "layer3.18": [256, 217, 278],
      "layer3.19": [255, 156, 278],
      "layer3.20": [256, 155, 278],
      "layer3.21": [256, 232, 278],
      "layer3.22": [256, 214, 278],
    },
    { "layer4.0": [499, 289, 2042, 2042], "layer4.1": [512, 512, 2042], "layer4.2": [512, 502, 2042] },
  ]),
};
