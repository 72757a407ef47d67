import { fixed } from "../fixed.ts";
import type { SequencerConfig } from "./config.ts";

type Row = Partial<SequencerConfig>;

const row = (layers: readonly number[]): Row => ({
  layers,
  patch_sizes: [7, 2, 1, 1],
  embed_dims: [192, 384, 384, 384],
  hidden_sizes: [48, 96, 96, 96],
  mlp_ratios: [3, 3, 3, 3],
  bidirectional: true,
  union: "cat",
  with_fc: true,
});

/** timm's entry functions of the two larger ones fail on a second value of what they set. */
export const variants: Readonly<Record<string, Row>> = {
  sequencer2d_s: row([4, 3, 8, 3]),
  sequencer2d_m: fixed(row([4, 3, 14, 3])),
  sequencer2d_l: fixed(row([8, 8, 16, 4])),
};
