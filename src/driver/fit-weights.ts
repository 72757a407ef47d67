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

type FileKind = "pretrained" | "file";

/**
 * Fits a file to a lowered model as timm's load_pretrained does. Reads no numbers; what does not fit is in `match`.
 * Throws TimmcError where a step is impossible.
 */
export const fitWeights = (
  kind: FileKind,
  source: WeightSource,
  resolved: ResolvedModel,
  lowered: LoweredModel,
): FittedWeights => adaptNamed(kind, nameWeights(source, resolved, lowered), resolved, lowered);

/** The first half: the file under the model's names, as the family's remap gives them. */
export function nameWeights(
  source: WeightSource,
  { family, architecture, args }: ResolvedModel,
  { parameters }: LoweredModel,
): Remapped {
  const shapes = new Map(parameters.map((p) => [p.name, p.shape]));
  return remapWeights(source, family.remap(architecture, args), { shape: (name) => shapes.get(name) });
}

/** The second half: first convolutions and classifiers, and the comparison. */
export function adaptNamed(
  kind: FileKind,
  remapped: Remapped,
  resolved: ResolvedModel,
  lowered: LoweredModel,
): FittedWeights {
  const { cfg } = resolved;
  const { firstConv, classifier } = namedParts(resolved);
  const own = kind === "file" ? fileClasses(remapped.source, classifier) : undefined;
  const adapted = adaptWeights(remapped.source, {
    inChans: resolved.inputSize[0],
    numClasses: resolved.featuresOnly ? 0 : resolved.numClasses,
    cfg: { firstConv, classifier, numClasses: own ?? cfg.num_classes, labelOffset: cfg.label_offset ?? 0 },
  });
  const withheld = new Map(adapted.withheld.map((w) => [w.name, w.reason]));
  const wanted = lowered.parameters.filter((p) => !withheld.has(p.name));
  return { remapped, adapted, match: matchWeights(adapted.source, wanted), withheld };
}

/** The modules that the pretrained configuration names. */
export const namedParts = ({
  cfg,
}: ResolvedModel): { readonly firstConv: readonly string[]; readonly classifier: readonly string[] } => ({
  firstConv: list(cfg.first_conv),
  classifier: list(cfg.classifier),
});

/** The classes of a file that the user names: its own classifier tells, not the configuration of other weights. */
export const fileClasses = (source: WeightSource, classifiers: readonly string[]): number | undefined =>
  source.get(`${classifiers[0] ?? ""}.weight`)?.shape[0];

const list = (v: string | readonly string[] | null): readonly string[] =>
  v === null ? [] : typeof v === "string" ? [v] : v;
