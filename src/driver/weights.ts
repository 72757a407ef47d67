import type { Parameters } from "../backends/parameters.ts";
import type { HubAccess } from "../frontend/hub/model.ts";
import { requireWeightsFile } from "../frontend/local-dir.ts";
import { formatReference } from "../frontend/reference.ts";
import type { ResolvedModel } from "../frontend/resolve.ts";
import type { Withheld } from "../frontend/weights/adapt.ts";
import { matchError } from "../frontend/weights/check.ts";
import { toDType } from "../frontend/weights/load.ts";
import { openWeights } from "../frontend/weights/open.ts";
import type { WeightSource } from "../frontend/weights/source.ts";
import { syntheticSource } from "../frontend/weights/synthetic.ts";
import { TimmcError, within } from "../ir/error.ts";
import { identities } from "../ir/identity.ts";
import type { Value } from "../ir/value.ts";
import type { LoweredModel } from "../zoo/lower.ts";
import { type FittedWeights, fitWeights, namedParts } from "./fit-weights.ts";
import { type Many, mapMany } from "./many.ts";
import { syntheticNotice, weightNotices } from "./weight-notices.ts";

/** `--weights`: the pretrained ones, the test recipe, none at all, or a file. */
export type WeightsChoice = "pretrained" | "synthetic" | "none" | { readonly file: string };

export const parseWeights = (text: string): WeightsChoice =>
  text === "pretrained" || text === "synthetic" || text === "none" ? text : { file: text };

/** Weights that are ready to be emitted. */
export interface OpenedWeights {
  readonly kind: "pretrained" | "synthetic" | "none" | "file";
  /** The file that was opened and those that it stands for, for their hash; none where there was no file. */
  readonly files: readonly string[];
  /** The Hub repository and commit that the file is of. */
  readonly hub: HubSource | undefined;
  readonly parameters: Parameters;
  /** Parameters without values, and why: outputs that need them are refused. */
  readonly withheld: ReadonlyMap<string, Withheld>;
  readonly notices: readonly string[];
  /**
   * What the values of a parameter are made of. In models of one source, parameters of one name and type are equal where
   * this is: it tells a table that was resampled to one size from the same resampled to another.
   */
  identity(name: string): string;
  /** Of models that share a source, the first to close closes it. */
  close(): void;
}

/** A Hub repository at a commit. */
export interface HubSource {
  readonly id: string;
  readonly commit: string;
}

/** How pretrained weights are reached. */
interface WeightsAccess extends HubAccess {
  /** The commit to take in place of the repository's own revision: the one that an artifact was compiled from. */
  readonly pinned?: HubSource | undefined;
}

/** What weights are opened for. */
interface WeightedModel {
  readonly resolved: ResolvedModel;
  readonly lowered: LoweredModel;
  /** Which of several it is, for the trail of errors. */
  readonly place?: string | undefined;
}

/**
 * Opens the weights of a lowered model, downloading pretrained ones where they must be: reads headers, never data. Every
 * mismatch with the model is refused here.
 */
export async function openModelWeights(
  choice: WeightsChoice,
  resolved: ResolvedModel,
  lowered: LoweredModel,
  access: WeightsAccess = {},
): Promise<OpenedWeights> {
  const [{ weights }] = await openSharedWeights(choice, [{ resolved, lowered }], access);
  return weights;
}

/** The same for several models of one source, which is opened once: each model, and its weights. */
export async function openSharedWeights<M extends WeightedModel>(
  choice: WeightsChoice,
  models: Many<M>,
  access: WeightsAccess,
): Promise<Many<M & { readonly weights: OpenedWeights }>> {
  if (choice === "none")
    return mapMany(models, (model) => ({ ...model, weights: opened("none", syntheticSource([]), new Map()) }));
  if (choice === "synthetic")
    return mapMany(models, (model) => {
      const weights = opened("synthetic", syntheticSource(model.lowered.parameters), new Map());
      return { ...model, weights: { ...weights, notices: [syntheticNotice] } };
    });
  const { path, hub } = await weightFile(choice, models[0].resolved, access);
  const source = closedOnce(openWeights(path));
  try {
    const kind = choice === "pretrained" ? "pretrained" : "file";
    const files = [path, ...(source.shards ?? [])];
    return mapMany(models, (model) => {
      const { resolved, lowered, place } = model;
      const fit = (): OpenedWeights => fitted(kind, source, resolved, lowered);
      return { ...model, weights: { ...(place === undefined ? fit() : within(place, fit)), files, hub } };
    });
  } catch (error) {
    source.close();
    throw error;
  }
}

/** The same source, which several may close. */
function closedOnce(source: WeightSource): WeightSource {
  let isOpen = true;
  return {
    ...source,
    close: () => {
      if (isOpen) source.close();
      isOpen = false;
    },
  };
}

/** A weight file on this machine, and where it comes from. */
export interface WeightFile {
  readonly path: string;
  readonly hub: HubSource | undefined;
}

/** Finds the file that a choice means; pretrained weights are downloaded where they must be. */
export const weightFile = async (
  choice: "pretrained" | { readonly file: string },
  resolved: ResolvedModel,
  access: WeightsAccess,
): Promise<WeightFile> =>
  choice === "pretrained" ? pretrainedFile(resolved, access) : { path: choice.file, hub: undefined };

/** By timm's order: the folder, then the Hub repository of the configuration. */
async function pretrainedFile(resolved: ResolvedModel, access: WeightsAccess): Promise<WeightFile> {
  const { cfg, local, hub } = resolved;
  if (local !== undefined && hub === undefined) return { path: requireWeightsFile(local), hub: undefined };
  if (cfg.hf_hub_id === null || cfg.hf_hub_id === "" || (hub === undefined && cfg.file !== null))
    throw noDownload(resolved);
  const { fetchWeights, parseHubAddress } = await import("../frontend/hub/model.ts");
  const { repo, revision } = parseHubAddress(cfg.hf_hub_id);
  const ofConfig = hub?.repo === repo && hub.revision === revision ? hub.commit : undefined;
  const pinned = access.pinned?.id === repo ? access.pinned.commit : undefined;
  const at = { repo, revision: pinned ?? ofConfig ?? revision };
  const { path, commit } = await fetchWeights(at, cfg.hf_hub_filename, access);
  return { path, hub: { id: repo, commit } };
}

function noDownload({ cfg, reference }: ResolvedModel): TimmcError {
  const name = formatReference(reference);
  const others = "Or use --weights synthetic, or --weights none for the structure alone.";
  if (cfg.file !== null)
    return new TimmcError("unsupported", `${name}: the configuration names a weight file`, {
      hint: `Name it with --weights FILE instead. ${others}`,
    });
  const url = Array.isArray(cfg.url) ? cfg.url[0] : cfg.url;
  return typeof url === "string"
    ? new TimmcError("unsupported", `${name}: its weights are not on the Hub, and timmc downloads from the Hub alone`, {
        hint: `Download ${url} and use --weights FILE. ${others}`,
      })
    : new TimmcError("unsupported", `${name}: timm has no pretrained weights for it`, {
        hint: `Use another tag, or --weights FILE. ${others}`,
      });
}

function fitted(
  kind: "pretrained" | "file",
  source: WeightSource,
  resolved: ResolvedModel,
  lowered: LoweredModel,
): OpenedWeights {
  const fit = fitWeights(kind, source, resolved, lowered);
  const { adapted, match, withheld, lenient } = fit;
  const error = matchError(adapted.source, match, lenient, { parts: namedParts(resolved), kind });
  if (error !== undefined) throw error;
  const notices = [...(source.notices ?? []), ...weightNotices(kind, source, fit, lowered)];
  return { ...opened(kind, adapted.source, withheld), notices, identity: identityOfFitted(fit) };
}

/** The file's key or the expression over its keys, and what became of it. */
function identityOfFitted({ remapped, adapted }: FittedWeights): OpenedWeights["identity"] {
  const entries = new Map(remapped.entries.map((entry) => [entry.name, entry]));
  const expression = identities((key) => key);
  return (name) => {
    const { value, from = [] } = entries.get(name) ?? {};
    return JSON.stringify([value === undefined ? from : expression(value), adapted.changes.get(name) ?? ""]);
  };
}

function opened(
  kind: OpenedWeights["kind"],
  source: WeightSource,
  withheld: ReadonlyMap<string, Withheld>,
): OpenedWeights {
  const parameters: Parameters = {
    bytes: (key, type) =>
      within(key, () => {
        const data = source.get(key);
        if (data === undefined) throw new TimmcError("weights", `${source.label} has no values for this parameter`);
        return data.dtype === type.dtype ? data.read() : toDType(data, type.dtype);
      }),
  };
  const close = (): void => source.close();
  return { kind, files: [], hub: undefined, parameters, withheld, notices: [], identity: (name) => name, close };
}

/** Refuses outputs that depend on parameters without values, naming the output and the reason. */
export function refuseWithheld({ graph }: LoweredModel, { withheld }: OpenedWeights): void {
  if (withheld.size === 0) return;
  for (const { name, value } of graph.outputs) {
    const needed = withheldUnder(value, withheld);
    if (needed === undefined) continue;
    throw new TimmcError("weights", `the tap ${name} needs ${needed.name}: ${needed.reason}`, { hint: needed.hint });
  }
}

/** The first parameter without values that a value depends on. */
export function withheldUnder(value: Value, withheld: ReadonlyMap<string, Withheld>): Withheld | undefined {
  const seen = new Set([value]);
  for (const v of seen) {
    const needed = v.op === "param" ? withheld.get(v.name) : undefined;
    if (needed !== undefined) return needed;
    for (const x of v.operands) if (x !== undefined) seen.add(x);
  }
  return undefined;
}
