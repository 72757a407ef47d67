import { TimmcError } from "../ir/error.ts";
import type { Family } from "../zoo/family.ts";
import { unsupportedReason } from "../zoo/refused.ts";
import { loadFamily } from "../zoo/registry.ts";
import { bool, lastOrList, readArgs } from "../zoo/schema.ts";
import type { HubAddress } from "./hub/metadata.ts";
import type { HubAccess } from "./hub/model.ts";
import { type LocalModel, readLocalDir } from "./local-dir.ts";
import { type DataConfig, resolveDataConfig } from "./preprocess/data-config.ts";
import {
  type InputSize,
  type PretrainedCfg,
  checkCfgFields,
  cleanedNotices,
  labelNotices,
  overlay,
} from "./pretrained-cfg.ts";
import { type ModelReference, parseReference } from "./reference.ts";
import { familyOf, pretrainedCfg, registeredCfg, resolveName } from "./registry.ts";

/** What a user asks to be lowered. */
export interface ModelRequest extends HubAccess {
  /** `arch`, `arch.tag`, `hf-hub:ORG/NAME[@REVISION]` or `local-dir:PATH`. */
  readonly model: string;
  /** timm's keyword arguments as JSON values; null is "not given". */
  readonly args?: Readonly<Record<string, unknown>>;
  readonly inputSize?: InputSize | undefined;
  readonly useTestSize?: boolean | undefined;
  /** Fields of the pretrained configuration to replace. */
  readonly cfg?: Readonly<Record<string, unknown>> | undefined;
}

/** A request with every question answered but the weights. */
export interface ResolvedModel {
  readonly reference: ModelReference;
  readonly architecture: string;
  readonly tag: string;
  readonly family: Family;
  readonly cfg: PretrainedCfg;
  /** Arguments of the definition, read against the family's schema. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly numClasses: number;
  readonly inputSize: InputSize;
  /** How a picture becomes the input, at `inputSize`. */
  readonly data: DataConfig;
  readonly featuresOnly: boolean;
  /** As timm takes them: the last n, or absolute and negative indices. */
  readonly outIndices: number | readonly number[] | undefined;
  /** The folder with config.json: a local one, or a snapshot in the Hub's cache. */
  readonly local: LocalModel | undefined;
  /** The Hub repository that config.json is of. */
  readonly hub: HubSnapshot | undefined;
  readonly notices: readonly string[];
}

/** A revision of a Hub repository, and the commit that it stood for. */
interface HubSnapshot extends HubAddress {
  readonly commit: string;
}

/** Arguments of timm's create_model that are no constructor arguments. */
export const createArgs = {
  features_only: bool(false, "compile the feature stages instead of the classifier"),
  out_indices: lastOrList("the stages of features_only: a list (negative counts from the end), or n for the last n"),
};

/**
 * Answers what a reference means. Reads at most the registry and a config.json, which may come from the Hub; never
 * weights. Throws TimmcError.
 */
export async function resolve(request: ModelRequest): Promise<ResolvedModel> {
  return resolveLocated(request, await locate(parseReference(request.model), request));
}

/** The rest of `resolve`, for a caller that has looked the reference up already. Throws TimmcError. */
export async function resolveLocated(request: ModelRequest, named: Located): Promise<ResolvedModel> {
  const family = await definitionOf(named.architecture);
  const cfg = request.cfg === undefined ? named.cfg : overlay(named.cfg, request.cfg);
  const asked = withoutNull({ ...named.modelArgs, ...request.args });
  const { featuresOnly, outIndices: chosen, rest } = splitCreateArgs(family, asked);
  const inputSize = inputSizeOf(request, cfg, rest);
  const numClasses = typeof rest["num_classes"] === "number" ? rest["num_classes"] : cfg.num_classes;
  const implied: Record<string, unknown> = { num_classes: numClasses, in_chans: inputSize[0] };
  const takesSize = Object.hasOwn(family.args, "img_size") && family.args["img_size"]?.ignored !== true;
  if (takesSize && (cfg.fixed_input_size || request.useTestSize))
    implied["img_size"] = oneOrBoth(configuredSize(request, cfg));
  if (Object.hasOwn(family.args, "features_only")) implied["features_only"] = featuresOnly;
  const args = readArgs({ ...createArgs, ...family.args }, `${named.architecture} (${family.name})`, {
    ...implied,
    ...rest,
  });
  return {
    reference: named.reference,
    architecture: named.architecture,
    tag: named.tag,
    family,
    cfg,
    args,
    numClasses,
    inputSize,
    data: resolveDataConfig(cfg, { inputSize, useTestSize: request.useTestSize }),
    featuresOnly,
    outIndices: chosen,
    local: named.local,
    hub: named.hub,
    notices: [...named.notices, ...overlayNotices(request, cfg, numClasses)],
  };
}

/** What of --cfg and --arg has no effect, or does not fit. What config.json says alone has its notices already. */
function overlayNotices({ cfg: given = {} }: ModelRequest, cfg: PretrainedCfg, numClasses: number): string[] {
  const isNewClasses = Object.hasOwn(given, "label_names") || numClasses !== cfg.num_classes;
  return [
    ...(Object.hasOwn(given, "architecture")
      ? ["cfg.architecture has no effect: the model reference names the architecture"]
      : []),
    ...cleanedNotices(checkCfgFields(given), "cfg."),
    ...(isNewClasses ? labelNotices(cfg, numClasses) : []),
  ];
}

/** What a reference names, before the family's schema has seen its arguments. */
export interface Located {
  readonly reference: ModelReference;
  readonly architecture: string;
  readonly tag: string;
  readonly cfg: PretrainedCfg;
  readonly modelArgs: Readonly<Record<string, unknown>>;
  readonly local: LocalModel | undefined;
  readonly hub: HubSnapshot | undefined;
  readonly notices: readonly string[];
}

/** Looks a reference up in the registry or reads its config.json; the family need not be defined. Throws TimmcError. */
export async function locate(reference: ModelReference, access: HubAccess): Promise<Located> {
  switch (reference.kind) {
    case "timm": {
      const name = resolveName(reference.architecture, reference.tag);
      const cfg = pretrainedCfg(name.architecture, name.tag);
      return { reference, ...name, cfg, modelArgs: {}, local: undefined, hub: undefined };
    }
    case "local-dir":
      return locateFolder(reference, readLocalDir(reference.path), undefined);
    case "hf-hub": {
      const { readHubModel } = await import("./hub/model.ts");
      const { repo, revision } = reference;
      const model = await readHubModel(reference, access);
      return withLicence(locateFolder(reference, model, { repo, revision, commit: model.commit }));
    }
    default:
      return reference satisfies never;
  }
}

/** A model whose config.json lies in a folder. */
function locateFolder(reference: ModelReference, local: LocalModel, hub: HubSnapshot | undefined): Located {
  const { architecture, pretrainedCfg: cfg, numClasses, modelArgs, notices } = local;
  const tag = cfg.tag ?? "";
  return { reference, architecture, tag, cfg: { ...cfg, num_classes: numClasses }, modelArgs, local, hub, notices };
}

/** A config.json of timm's repositories states no licence; the registry does. */
function withLicence(located: Located): Located {
  const { architecture, tag, cfg } = located;
  const license = cfg.license ?? registeredCfg(architecture, tag, cfg.hf_hub_id)?.license ?? null;
  return { ...located, cfg: { ...cfg, license } };
}

/** The family's definition. Throws TimmcError with the reason where there is none. */
async function definitionOf(architecture: string): Promise<Family> {
  const name = familyOf(architecture);
  const family = await loadFamily(name);
  const reason = unsupportedReason(architecture, name, family);
  if (family !== undefined && reason === null) return family;
  throw new TimmcError("unsupported", `${architecture}: ${reason}`, {
    hint: "timmc list --supported names the architectures that compile.",
  });
}

const withoutNull = (args: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(args).filter(([, v]) => v !== null && v !== undefined));

/** Splits create_model's own arguments off. */
function splitCreateArgs(family: Family, { features_only, out_indices, ...rest }: Readonly<Record<string, unknown>>) {
  const read = readArgs(createArgs, family.name, { features_only, out_indices });
  return { featuresOnly: read.features_only ?? false, outIndices: read.out_indices, rest };
}

/** --input-size, else img_size, else the pretrained configuration; channels follow in_chans unless the size names them. */
function inputSizeOf(request: ModelRequest, cfg: PretrainedCfg, args: Readonly<Record<string, unknown>>): InputSize {
  const channels = args["in_chans"];
  if (request.inputSize !== undefined) {
    if (typeof channels === "number" && channels !== request.inputSize[0])
      throw new TimmcError("usage", `in_chans=${channels} contradicts the input size ${request.inputSize.join(",")}`, {
        hint: `use --input-size ${[channels, ...request.inputSize.slice(1)].join(",")}, or leave one of the two out`,
      });
    return request.inputSize;
  }
  const base = configuredSize(request, cfg);
  const [height, width] = sides(args["img_size"]) ?? [base[1], base[2]];
  return [typeof channels === "number" ? channels : base[0], height, width];
}

/** A square's side alone: some of timm's networks take no pair. */
const oneOrBoth = ([, height, width]: InputSize): number | readonly number[] =>
  height === width ? height : [height, width];

/** img_size as timm takes it; other forms are left for the family's schema to refuse. */
function sides(size: unknown): readonly [number, number] | undefined {
  if (typeof size === "number") return [size, size];
  const [h, w] = Array.isArray(size) ? (size as unknown[]) : [];
  return typeof h === "number" && typeof w === "number" ? [h, w] : undefined;
}

/** The size that the pretrained configuration names. timm builds the model for it where the size is fixed. */
const configuredSize = (request: ModelRequest, cfg: PretrainedCfg): InputSize =>
  request.useTestSize ? (cfg.test_input_size ?? cfg.input_size) : cfg.input_size;
