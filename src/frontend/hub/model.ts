import { dirname } from "node:path";
import { TimmcError } from "../../ir/error.ts";
import { type LocalModel, readConfigFile } from "../local-dir.ts";
import { maxConfigBytes, parseModelConfig } from "../model-config.ts";
import { formatReference, parseReference } from "../reference.ts";
import { HubError, isAbsence } from "./error.ts";
import { type CachedFile, type FetchOptions, fetchFile, fetchFirst } from "./hub.ts";
import type { HubAddress } from "./metadata.ts";
import { progressBar } from "./progress.ts";
import { hubSettings } from "./settings.ts";

/** How a command reaches the Hub. */
export interface HubAccess {
  /** The cache's root in place of the environment's. */
  readonly cacheDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Says what is being done. */
  readonly progress?: ((text: string) => void) | undefined;
  /** Says what the user should know of the way, such as that the Hub was not reached; `progress` where it is not given. */
  readonly note?: ((text: string) => void) | undefined;
}

/** A repository's model: its snapshot in the cache is the folder. The weights are another download: `fetchWeights`. */
export interface HubModel extends LocalModel {
  readonly commit: string;
}

/**
 * Reads a repository's config.json, downloading it where it must be.
 *
 * @throws TimmcError `config` where the file is malformed, `io` for what the Hub, the network or the disk refuses,
 *   `interrupted`; the reference is in the trail.
 */
export async function readHubModel(at: HubAddress, access: HubAccess): Promise<HubModel> {
  const found = await inRepo(at, "A model needs timm's config.json; the architecture is never guessed.", access, () =>
    fetchFile(hubSettings(access.cacheDir), at, "config.json", { ...watched(access), maxBytes: maxConfigBytes }),
  );
  const config = parseModelConfig(readConfigFile(found.path), `${nameOf(at)} > config.json`);
  const id = nameOf(at).slice("hf-hub:".length);
  return {
    ...config,
    pretrainedCfg: { ...config.pretrainedCfg, source: "hf-hub", hf_hub_id: id },
    path: dirname(found.path),
    weightsFile: undefined,
    commit: found.commit,
  };
}

/**
 * The weights of a repository, by timm's choice of the file: a safetensors twin goes before a pickle.
 *
 * @param filename `hf_hub_filename` of the pretrained configuration.
 * @throws TimmcError `io` for what the Hub, the network or the disk refuses, `interrupted`; the reference is in the trail.
 */
export async function fetchWeights(
  at: HubAddress,
  filename: string | null,
  access: HubAccess,
): Promise<Omit<CachedFile, "notices">> {
  const names = weightNames(filename);
  const hint = `timm reads ${names.join(", else ")}. Name another file with --weights FILE.`;
  return inRepo(at, hint, access, () => fetchFirst(hubSettings(access.cacheDir), at, names, watched(access)));
}

/** The names that timm tries, in its order (`load_state_dict_from_hf`). */
export function weightNames(filename: string | null): readonly [string, ...string[]] {
  const asked = filename ?? "pytorch_model.bin";
  switch (asked) {
    case "pytorch_model.bin":
      return ["model.safetensors", asked];
    case "open_clip_pytorch_model.bin":
      return ["open_clip_model.safetensors", asked];
    default:
      return asked.endsWith(".bin") ? [asked.replace(/\.bin$/, ".safetensors"), asked] : [asked];
  }
}

/** Reads `ORG/NAME[@REVISION]`, as `hf_hub_id` has it. Throws TimmcError `usage`. */
export function parseHubAddress(id: string): HubAddress {
  const reference = parseReference(`hf-hub:${id}`);
  if (reference.kind === "hf-hub") return reference;
  throw new TimmcError("usage", `${JSON.stringify(id)} is not a Hub id`);
}

const nameOf = ({ repo, revision }: HubAddress): string => formatReference({ kind: "hf-hub", repo, revision });

function watched({ signal, progress }: HubAccess): FetchOptions {
  return {
    signal,
    onBytes: progress === undefined ? undefined : progressBar(progress),
    onWait: (file) => progress?.(`${file}: another process is downloading it`),
  };
}

/** A file of a repository, its notices told; `absence` is the advice where there is none. */
async function inRepo(
  at: HubAddress,
  absence: string,
  { note, progress }: HubAccess,
  body: () => Promise<CachedFile>,
): Promise<Omit<CachedFile, "notices">> {
  try {
    const { path, commit, notices } = await body();
    for (const notice of notices) (note ?? progress)?.(notice);
    return { path, commit };
  } catch (error) {
    if (!(error instanceof TimmcError)) throw error;
    const hint =
      error instanceof HubError && isAbsence(error) ? [error.hint, absence].filter(Boolean).join(" ") : error.hint;
    throw new TimmcError(error.code, error.message, { trail: [nameOf(at), ...error.trail], hint, cause: error });
  }
}
