import { readDataFile } from "./data.ts";
import { predictClasses } from "./names/validate.ts";
import type { PretrainedCfg } from "./pretrained-cfg.ts";
import type { ModelReference } from "./reference.ts";
import { registeredCfg } from "./registry.ts";

/** What decides the classes of a model. */
interface LabelledModel {
  readonly reference: ModelReference;
  readonly architecture: string;
  readonly tag: string;
  readonly cfg: PretrainedCfg;
  readonly numClasses: number;
}

/** Names by class index, null in gaps. */
type ClassNames = readonly (string | null)[];

/**
 * The names of a model's classes, null where they are not known. Those of the configuration come first. Else weights of
 * timm's registry whose tag ends in ImageNet-1k have its names, in WordNet's words. `isPretrained` says that the weights
 * are the configuration's own: what the classes of others are, their file does not tell.
 */
export function labelNamesOf(model: LabelledModel, isPretrained: boolean): ClassNames | null {
  const { cfg, numClasses } = model;
  if (cfg.label_names !== null) {
    const names = new Map(Object.entries(cfg.label_names));
    return Array.from({ length: numClasses }, (_, i) => names.get(String(i)) ?? null);
  }
  return isPretrained && isImageNet1k(model) ? readDataFile<readonly string[]>("labels/in1k.json") : null;
}

/** A folder's weights may be any. */
const isImageNet1k = ({ reference, architecture, tag, cfg, numClasses }: LabelledModel): boolean =>
  reference.kind !== "local-dir" &&
  registeredCfg(architecture, tag, cfg.hf_hub_id) !== undefined &&
  numClasses === 1000 &&
  predictClasses(architecture, tag) === numClasses;
