/** Checkpoints of GhostNetV3's authors: what timm's filter of the family reads. */
import type { Remap } from "../remap/remap.ts";
import { drop, rename } from "../remap/steps.ts";

export const remap: Remap = {
  layouts: [],
  tail: [rename(/^(.*\.(?:ghost|dw_rpr_).*)bn\./, "$1bn1."), drop(/total/, "counters of operations")],
};
