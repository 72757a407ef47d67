import { sameShape } from "../ir/dim.ts";
import type { ResolvedModel } from "../frontend/resolve.ts";
import { type Adaptation, type Adapted, type Withheld, adaptWeights } from "../frontend/weights/adapt.ts";
import { type WeightMatch, matchWeights } from "../frontend/weights/check.ts";
import { type Remapped, remapWeights, targetOf } from "../frontend/weights/remap/remap.ts";
import type { WeightSource } from "../frontend/weights/source.ts";
import type { LoweredModel } from "../zoo/lower.ts";

/** A weight file on its way into a model: its names, then its first convolutions and classifiers, then the comparison. */
export interface FittedWeights {
  readonly remapped: Remapped;
  readonly adapted: Adapted;
  readonly match: WeightMatch;
  /** Parameters that are left without values on purpose, by name. */
  readonly withheld: ReadonlyMap<string, Withheld>;
  /** Whether entries that the model has no place for are no error, as where timm loads non-strictly. */
  readonly lenient: boolean;
}

export type FileKind = "pretrained" | "file";

/**
 * Fits a file to a lowered model as timm's load_pretrained does. Reads no numbers; what does not fit is in `match`.
 * Throws TimmcError where a step is impossible.
 */
export const fitWeights = (
  kind: FileKind,
  source: WeightSource,
  resolved: ResolvedModel,
  lowered: LoweredModel,
): FittedWeights => adaptNamed(kind, nameWeights(kind, source, resolved, lowered), resolved, lowered);

/** The first half: the file under the model's names, as the family's remap gives them. */
export function nameWeights(
  kind: FileKind,
  source: WeightSource,
  { family, architecture, args, tag }: ResolvedModel,
  { parameters }: LoweredModel,
): Remapped {
  const target = targetOf(parameters, kind === "pretrained" ? tag : undefined);
  return remapWeights(source, family.remap(architecture, args), target);
}

/**
 * The second half: first convolutions and classifiers, and the comparison. A file that the user names and that is the
 * whole model but for its classifier loads without it, which timm does for other numbers of classes alone.
 */
export function adaptNamed(
  kind: FileKind,
  remapped: Remapped,
  resolved: ResolvedModel,
  lowered: LoweredModel,
): FittedWeights {
  const shape = targetOf(lowered.parameters).shape;
  const checkpoint = checkpointOf(kind, remapped.source, resolved, shape);
  const fitted = adaptedTo(checkpoint, remapped, resolved, lowered);
  return kind === "file" && isHeadless(fitted.match, resolved, shape)
    ? adaptedTo({ ...checkpoint, numClasses: undefined }, remapped, resolved, lowered)
    : fitted;
}

type ShapeOf = Adaptation["shape"];

/** Whether nothing is wrong but that the classifier is missing, all of it. */
function isHeadless(
  { missing, unexpected, mismatched }: WeightMatch,
  resolved: ResolvedModel,
  shape: ShapeOf,
): boolean {
  const head = classifierNames(namedParts(resolved).classifier).filter((name) => shape(name) !== undefined);
  return (
    unexpected.length + mismatched.length === 0 &&
    missing.length > 0 &&
    missing.length === head.length &&
    missing.every((spec) => head.includes(spec.name))
  );
}

const classifierNames = (modules: readonly string[]): string[] =>
  modules.flatMap((module) => [`${module}.weight`, `${module}.bias`]);

function adaptedTo(
  checkpoint: Adaptation["checkpoint"],
  remapped: Remapped,
  resolved: ResolvedModel,
  lowered: LoweredModel,
): FittedWeights {
  const adapted = adaptWeights(remapped.source, {
    inChans: resolved.inputSize[0],
    numClasses: classesOf(resolved),
    shape: targetOf(lowered.parameters).shape,
    checkpoint,
  });
  const withheld = new Map([...remapped.withheld, ...adapted.withheld].map((w) => [w.name, w]));
  const wanted = lowered.parameters.filter((p) => !withheld.has(p.name));
  return { remapped, adapted, match: matchWeights(adapted.source, wanted), withheld, lenient: !adapted.strict };
}

/**
 * The classes of pretrained weights are those of their configuration. A file that the user names has its own: first
 * classes that the model does not have are cut off only where that gives the model's. Without a classifier of its own, a
 * file is one of the configuration's classes where the model has these, and then lacks it; a classifier that is none of
 * the model's kind is compared as it is.
 */
function checkpointOf(
  kind: FileKind,
  source: WeightSource,
  resolved: ResolvedModel,
  shape: ShapeOf,
): Adaptation["checkpoint"] {
  const { cfg } = resolved;
  const asked = classesOf(resolved);
  const parts = namedParts(resolved);
  const labelOffset = cfg.label_offset ?? 0;
  if (kind === "pretrained") return { ...parts, numClasses: cfg.num_classes, labelOffset };
  const own = isOfWidth(source, parts.classifier, shape) ? fileClasses(source, parts.classifier) : undefined;
  if (own === undefined) {
    const isAsked = hasClassifier(source, parts.classifier) || asked === cfg.num_classes;
    return { ...parts, numClasses: isAsked ? asked : undefined };
  }
  return own - labelOffset === asked ? { ...parts, numClasses: asked, labelOffset } : { ...parts, numClasses: own };
}

const classesOf = ({ featuresOnly, numClasses }: ResolvedModel): number => (featuresOnly ? 0 : numClasses);

/** The modules that the pretrained configuration names. */
export const namedParts = ({
  cfg,
}: ResolvedModel): { readonly firstConv: readonly string[]; readonly classifier: readonly string[] } => ({
  firstConv: list(cfg.first_conv),
  classifier: list(cfg.classifier),
});

/**
 * The classes of a file that the user names: its own classifier tells, not the configuration of other weights. Undefined
 * where it has none, and where weight and bias disagree, as in a transposed one.
 */
export function fileClasses(source: WeightSource, [module = ""]: readonly string[]): number | undefined {
  const classes = source.get(`${module}.weight`)?.shape[0];
  const biases = source.get(`${module}.bias`)?.shape[0] ?? classes;
  return classes === biases ? classes : undefined;
}

/** Whether a file has any parameter of the classifiers. */
export const hasClassifier = (source: WeightSource, classifiers: readonly string[]): boolean =>
  classifierNames(classifiers).some((name) => source.get(name) !== undefined);

/** Whether a file's classifier and the model's differ in their classes alone. */
function isOfWidth(source: WeightSource, [module = ""]: readonly string[], shape: ShapeOf): boolean {
  const [model, file] = [shape(`${module}.weight`), source.get(`${module}.weight`)?.shape];
  return model === undefined || file === undefined || sameShape(model.slice(1), file.slice(1));
}

const list = (v: string | readonly string[] | null): readonly string[] =>
  v === null ? [] : typeof v === "string" ? [v] : v;
