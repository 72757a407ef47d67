import { type DataConfig, resolveDataConfig } from "../frontend/preprocess/data-config.ts";
import { labelNamesOf } from "../frontend/labels.ts";
import { type LicenceKind, licenceKind, licenceNotices } from "../frontend/licence.ts";
import { type NameAnatomy, explain } from "../frontend/names/explain.ts";
import { type Contradiction, validate } from "../frontend/names/validate.ts";
import { type PretrainedCfg, overlay } from "../frontend/pretrained-cfg.ts";
import { type ModelReference, formatReference, parseReference } from "../frontend/reference.ts";
import { type SizeBenchmark, benchmarks, familyOf, modelName, pretrainedTags } from "../frontend/registry.ts";
import { type Located, type ModelRequest, locate, resolveLocated } from "../frontend/resolve.ts";
import { unsupportedReason } from "../zoo/refused.ts";
import { loadFamily } from "../zoo/registry.ts";
import { type FamilyArgument, familyArguments } from "./family-arguments.ts";
import { inspectLowered } from "./inspect.ts";
import { lowerResolved } from "./lower-request.ts";

/** timm's published numbers at one image size; null where it gives none. */
export interface PublishedResult {
  readonly img_size: number;
  readonly top1: number | null;
  readonly top5: number | null;
  readonly crop_pct: number;
  readonly interpolation: string;
  /** Billions of multiply-accumulates. */
  readonly gmacs: number | null;
}

/** What the family's definition adds to the registry's facts. */
interface DefinedInfo {
  /** The paper that the definition follows. */
  readonly paper: string;
  /** Elements of all parameters. */
  readonly params: number;
  /** Multiply-accumulates at the input size. */
  readonly macs: number;
  /** What `--arg` takes, with the values that the model has. */
  readonly arguments: readonly FamilyArgument[];
}

/** The model's name taken apart, and where the pretrained configuration differs from it. */
export interface NameRecord extends NameAnatomy {
  readonly contradictions: readonly Contradiction[];
}

/** Everything that is known of a model without its weights. */
export interface ModelInfo {
  /** The reference in its normal spelling. */
  readonly model: string;
  readonly architecture: string;
  readonly tag: string;
  readonly name: NameRecord;
  readonly family: string;
  /** The architecture's pretrained tags, the default first. */
  readonly tags: readonly string[];
  readonly supported: boolean;
  /** Why it is not supported; null where it is. */
  readonly reason: string | null;
  /** Null where the model is not supported. */
  readonly definition: DefinedInfo | null;
  readonly num_classes: number;
  /** How many classes of the pretrained weights have a name. */
  readonly named_classes: number;
  readonly preprocessing: {
    readonly input_size: readonly number[];
    readonly mean: readonly number[];
    readonly std: readonly number[];
    readonly interpolation: string;
    readonly crop_pct: number;
    readonly crop_mode: string;
  };
  /** Whether the weights belong to one input size. */
  readonly fixed_input_size: boolean;
  /** Of the pretrained weights; null where nobody states one. */
  readonly licence: string | null;
  readonly licence_kind: LicenceKind;
  readonly hub_id: string | null;
  /** The main size first; empty where timm publishes nothing. */
  readonly published: readonly PublishedResult[];
  /** timm's pretrained configuration in full, under timm's names. */
  readonly pretrained_cfg: PretrainedCfg;
  readonly notices: readonly string[];
}

/** Collects what is known of a model. One that is refused has the registry's facts. Throws TimmcError. */
export async function info(request: ModelRequest): Promise<ModelInfo> {
  const reference = parseReference(request.model);
  const located = await locate(reference, request);
  const { architecture, tag, cfg: named, notices } = located;
  const cfg = request.cfg === undefined ? named : overlay(named, request.cfg);
  const family = familyOf(architecture);
  const reason = unsupportedReason(architecture, family, await loadFamily(family));
  const defined = reason === null ? await define(request, located) : undefined;
  const { inputSize, useTestSize } = request;
  const numClasses = defined?.numClasses ?? cfg.num_classes;
  const labels = labelNamesOf({ reference, architecture, tag, cfg, numClasses }, true);
  const data = defined?.data ?? resolveDataConfig(cfg, { inputSize, useTestSize });
  return {
    model: formatReference(reference),
    architecture,
    tag,
    name: { ...explain(architecture, tag), contradictions: validate(architecture, tag, named) },
    family,
    tags: pretrainedTags(architecture).filter((t) => t !== ""),
    supported: reason === null,
    reason,
    definition: defined?.info ?? null,
    num_classes: numClasses,
    named_classes: labels?.filter((name) => name !== null).length ?? 0,
    preprocessing: describeData(data),
    fixed_input_size: cfg.fixed_input_size,
    licence: cfg.license,
    licence_kind: licenceKind(cfg.license),
    hub_id: cfg.hf_hub_id,
    published: publishedOf(reference, architecture, tag),
    pretrained_cfg: cfg,
    notices: [...new Set([...notices, ...(defined?.notices ?? []), ...licenceNotices({ architecture, tag, cfg })])],
  };
}

async function define(request: ModelRequest, located: Located) {
  const resolved = await resolveLocated(request, located);
  const lowering = lowerResolved(resolved, {});
  const { params, macs, notices } = inspectLowered(lowering, lowering);
  const { family, data, numClasses } = resolved;
  return {
    info: { paper: family.paper, params, macs, arguments: familyArguments(resolved) },
    data,
    numClasses,
    notices,
  };
}

const describeData = ({ inputSize, cropPct, cropMode, mean, std, interpolation }: DataConfig) => ({
  input_size: inputSize,
  mean,
  std,
  interpolation,
  crop_pct: cropPct,
  crop_mode: cropMode,
});

/** A folder may hold other weights under a published name, so only names have published results. */
function publishedOf(reference: ModelReference, architecture: string, tag: string): PublishedResult[] {
  const found = reference.kind === "timm" ? benchmarks(modelName(architecture, tag)) : undefined;
  return found === undefined ? [] : [found, ...found.otherSizes].map(describeResult);
}

const describeResult = ({ imgSize, top1, top5, cropPct, interpolation, gmacs }: SizeBenchmark): PublishedResult => ({
  img_size: imgSize,
  top1,
  top5,
  crop_pct: cropPct,
  interpolation,
  gmacs,
});
