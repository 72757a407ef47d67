import { dirname } from "node:path";
import { TimmcError } from "../../ir/error.ts";
import { type LocalModel, readConfigFile } from "../local-dir.ts";
import { maxConfigBytes, parseModelConfig } from "../model-config.ts";
import { formatReference, parseReference } from "../reference.ts";
import { HubError, isAbsence, isPassing } from "./error.ts";
import { type CachedFile, type FetchOptions, fetchFile, fetchFirst } from "./hub.ts";
import type { HubAddress } from "./metadata.ts";
import { progressBar, slownessNote } from "./progress.ts";
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
interface HubModel extends LocalModel {
  readonly commit: string;
}

/**
 * Reads a repository's config.json, downloading it where it must be.
 *
 * @throws TimmcError `config` where the file is malformed, `io` for what the Hub, the network or the disk refuses,
 *   `interrupted`; the reference is in the trail.
 */
export async function readHubModel(at: HubAddress, access: HubAccess): Promise<HubModel> {
  const advice: Advice = {
    absence: "A model needs timm's config.json; the architecture is never guessed.",
    unreached: "A folder with config.json and weights needs no Hub: local-dir:FOLDER.",
  };
  const found = await inRepo(at, advice, access, () =>
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
  const unreached = "Or give the weights with --weights FILE.";
  return inRepo(at, { absence: hint, unreached }, access, () =>
    fetchFirst(hubSettings(access.cacheDir), at, names, watched(access)),
  );
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

function watched({ signal, progress, note = progress }: HubAccess): FetchOptions {
  const bar = progress === undefined ? undefined : progressBar(progress);
  const slow = note === undefined ? undefined : slownessNote(note);
  let notes = 0;
  return {
    signal,
    onBytes: (...bytes) => {
      slow?.(...bytes);
      bar?.(...bytes);
    },
    // The first is news to somebody who sees no progress; the next would fill the screen.
    onRetry: (error, attempt, attempts) =>
      (notes++ === 0 ? note : progress)?.(`${error.message}: trying again, ${attempt} of ${attempts}`),
    onWait: (file) => progress?.(`${file}: another process is downloading it`),
  };
}

/** What to do where there is no such file, and where the Hub does not answer. */
interface Advice {
  readonly absence: string;
  readonly unreached: string;
}

/** A file of a repository, its notices told. */
async function inRepo(
  at: HubAddress,
  { absence, unreached }: Advice,
  { note, progress }: HubAccess,
  body: () => Promise<CachedFile>,
): Promise<Omit<CachedFile, "notices">> {
  try {
    progress?.(`asking for ${nameOf(at)}`);
    const { path, commit, notices } = await body();
    for (const notice of notices) (note ?? progress)?.(notice);
    return { path, commit };
  } catch (error) {
    if (!(error instanceof TimmcError)) throw error;
    const advice = !(error instanceof HubError)
      ? undefined
      : isAbsence(error)
        ? absence
        : isPassing(error)
          ? unreached
          : undefined;
    const hint = advice === undefined ? error.hint : [error.hint, advice].filter(Boolean).join(" ");
    throw new TimmcError(error.code, error.message, { trail: [nameOf(at), ...error.trail], hint, cause: error });
  }
}
