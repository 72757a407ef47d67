import type { VovNetConfig } from "./config.ts";

type Row = Partial<VovNetConfig>;

const slim: Row = { stage_conv_chs: [64, 80, 96, 112], stage_out_chs: [112, 256, 384, 512] };
const v19: Row = { layer_per_block: 3, block_per_stage: [1, 1, 1, 1] };
const v39: Row = { block_per_stage: [1, 1, 2, 2] };
const v57: Row = { block_per_stage: [1, 1, 4, 3] };
/** VoVNet V2. */
const ese: Row = { residual: true, attn: "ese" };
const separable: Row = { stem_chs: [64, 64, 64], depthwise: true };

/** A row per architecture: tables 1 of the two papers. */
export const variants: Readonly<Record<string, Row>> = {
  vovnet39a: v39,
  vovnet57a: v57,
  ese_vovnet19b_slim_dw: { ...v19, ...slim, ...ese, ...separable },
  ese_vovnet19b_dw: { ...v19, ...ese, ...separable },
  ese_vovnet19b_slim: { ...v19, ...slim, ...ese },
  ese_vovnet39b: { ...v39, ...ese },
  ese_vovnet57b: { ...v57, ...ese },
  ese_vovnet99b: { block_per_stage: [1, 3, 9, 3], ...ese },
  eca_vovnet39b: { ...v39, residual: true, attn: "eca" },
  ese_vovnet39b_evos: { ...v39, ...ese, norm_layer: { kind: "evonorms0" }, fixed: ["norm_layer"] },
};
