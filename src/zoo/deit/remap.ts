/** Checkpoints of DeiT: ViT's, and LayerScale under the names of DeiT III. */
import type { Remap } from "../remap/remap.ts";
import { rename } from "../remap/steps.ts";
import type { VitConfig } from "../vision-transformer/config.ts";
import { prefixOf } from "../vision-transformer/encoder.ts";
import { remap as vitRemap } from "../vision-transformer/remap.ts";
import { distilledPrefix } from "./distilled.ts";

export function remap(c: VitConfig, distilled: boolean): Remap {
  const { layouts, tail } = vitRemap(c, distilled ? distilledPrefix : prefixOf(c));
  return { layouts, tail: [...tail, rename(/gamma_(\d)/g, "ls$1.gamma")] };
}
