/** Checkpoints of TResNet as Alibaba published them (timm's checkpoint_filter_fn). */
import type { Remap } from "../remap/remap.ts";
import { change, renames } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [
    {
      name: "Alibaba",
      when: (file) => !file.has("body.conv1.conv.weight") && file.some(/^body\..*conv\d+\.[01]\./),
      steps: [
        ...renames(
          [/conv(\d+)\.0\.0/, "conv$1.conv"],
          [/conv(\d+)\.0\.1/, "conv$1.bn"],
          [/conv(\d+)\.0/, "conv$1.conv"],
          [/conv(\d+)\.1/, "conv$1.bn"],
          [/downsample\.(\d+)\.0/, "downsample.$1.conv"],
          [/downsample\.(\d+)\.1/, "downsample.$1.bn"],
        ),
        /** In-place activated batch norm uses the absolute value of its weight, and eps on top. */
        change("absolute value, and 1e-5 more", /^.*bn\.weight$/, (b, x) =>
          b.add(b.abs(x), b.constant({ values: [1e-5] })),
        ),
      ],
    },
  ],
  tail: [],
};
