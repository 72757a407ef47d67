import { type PretrainedCfg, hasWeights } from "../../../src/frontend/pretrained-cfg.ts";
import { listArchitectures, pretrainedCfg, pretrainedTags } from "../../../src/frontend/registry.ts";

export interface NamedRecord {
  readonly architecture: string;
  readonly tag: string;
  readonly cfg: PretrainedCfg;
}

/** Every entry of timm's registry. */
export const entries: readonly NamedRecord[] = listArchitectures().flatMap((architecture) =>
  pretrainedTags(architecture).map((tag) => ({ architecture, tag, cfg: pretrainedCfg(architecture, tag) })),
);

/** Those with weights. */
export const weighted: readonly NamedRecord[] = entries.filter(({ cfg }) => hasWeights(cfg));

/** How often each value comes. */
export function countBy<T>(items: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}
