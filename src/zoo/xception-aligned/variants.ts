import type { Block, XceptionAlignedConfig } from "./config.ts";

type Row = Partial<XceptionAlignedConfig>;

const block = (out: number, stride: 1 | 2): Block => ({ outs: [out, out, out], stride });

/** Entry flow, `middle` blocks of the middle flow, exit flow. */
const flows = (entry: readonly Block[], middle: number): readonly Block[] => [
  ...entry,
  ...Array.from({ length: middle }, () => block(728, 1)),
  { outs: [728, 1024, 1024], stride: 2 },
  { outs: [1536, 1536, 2048], stride: 1, last: true },
];

const entry = [block(128, 2), block(256, 2), block(728, 2)];
const deeper = [block(128, 2), block(256, 1), block(256, 2), block(728, 1), block(728, 2)];

const aligned: Row = { norm_layer: { eps: 1e-3 }, placed: true };

/** A row per architecture: those of DeepLab, and timm's pre-activated ones. */
export const variants: Readonly<Record<string, Row>> = {
  xception41: { block_cfg: flows(entry, 8), ...aligned },
  xception65: { block_cfg: flows(entry, 16), ...aligned },
  xception71: { block_cfg: flows(deeper, 16), ...aligned },
  xception41p: { block_cfg: flows(entry, 8), preact: true },
  xception65p: { block_cfg: flows(entry, 16), preact: true, norm_layer: { eps: 1e-3 } },
};
