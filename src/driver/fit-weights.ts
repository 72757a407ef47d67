import type { ResolvedModel } from "../frontend/resolve.ts";
import { type Adapted, adaptWeights } from "../frontend/weights/adapt.ts";
import { type WeightMatch, matchWeights } from "../frontend/weights/check.ts";
import { type Remapped, remapWeights } from "../frontend/weights/remap/remap.ts";
import type { WeightSource } from "../frontend/weights/source.ts";
import type { LoweredModel } from "../zoo/lower.ts";

/** A weight file on its way into a model: its names, then its first convolutions and classifiers, then the comparison. */
export interface FittedWeights {
  readonly remapped: Remapped;
  readonly adapted: Adapted;
  readonly match: WeightMatch;
  /** Parameters that are left without values on purpose, and why. */
  readonly withheld: ReadonlyMap<string, string>;
}

/**
 * Fits a file to a lowered model as timm's load_pretrained does. Reads no numbers; what does not fit is in `match`.
 * Throws TimmcError where a step is impossible.
 */
export function fitWeights(
  kind: "pretrained" | "file",
  source: WeightSource,
  resolved: ResolvedModel,
  lowered: LoweredModel,
): FittedWeights {
  const { cfg, family, architecture, args } = resolved;
  const shapes = new Map(lowered.parameters.map((p) => [p.name, p.shape]));
  const remapped = remapWeights(source, family.remap(architecture, args), { shape: (name) => shapes.get(name) });
  const classifier = list(cfg.classifier);
  const own = kind === "file" ? fileClasses(remapped.source, classifier) : undefined;
  const adapted = adaptWeights(remapped.source, {
    inChans: resolved.inputSize[0],
    numClasses: resolved.featuresOnly ? 0 : resolved.numClasses,
    cfg: {
      firstConv: list(cfg.first_conv),
      classifier,
      numClasses: own ?? cfg.num_classes,
      labelOffset: cfg.label_offset ?? 0,
    },
  });
  const withheld = new Map(adapted.withheld.map((w) => [w.name, w.reason]));
  const wanted = lowered.parameters.filter((p) => !withheld.has(p.name));
  return { remapped, adapted, match: matchWeights(adapted.source, wanted), withheld };
}

/** The classes of a file that the user names: its own classifier tells, not the configuration of other weights. */
const fileClasses = (source: WeightSource, classifiers: readonly string[]): number | undefined =>
  source.get(`${classifiers[0] ?? ""}.weight`)?.shape[0];

const list = (v: string | readonly string[] | null): readonly string[] =>
  v === null ? [] : typeof v === "string" ? [v] : v;
