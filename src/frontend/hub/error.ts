import { codeOf, messageOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";

/**
 * Why a file did not arrive. `network`, `timeout`, `server` (5xx) and `rate` (429) pass with time; `denied`, `gated` and
 * `no-repo` are the Hub's refusals; `no-revision` and `no-file` are certain answers; `not-cached` is "no network
 * allowed, and no copy here". `changed`: the file became another one between two answers. `protocol`: an answer that no
 * Hub gives. `content`: bytes that are not the announced ones. `disk`: no room or no right to write.
 */
type HubFailure =
  | "network"
  | "timeout"
  | "server"
  | "rate"
  | "denied"
  | "gated"
  | "no-repo"
  | "no-revision"
  | "no-file"
  | "not-cached"
  | "changed"
  | "protocol"
  | "content"
  | "disk";

/** A download that failed. Messages name hosts, never whole addresses: those of a CDN carry signatures. */
export class HubError extends TimmcError {
  readonly failure: HubFailure;
  /** Milliseconds that the server asks to wait. */
  readonly retryAfter: number | undefined;

  constructor(
    failure: HubFailure,
    message: string,
    options: { hint?: string | undefined; cause?: unknown; retryAfter?: number | undefined } = {},
  ) {
    super("io", message, options);
    this.failure = failure;
    this.retryAfter = options.retryAfter;
  }
}

const passing: ReadonlySet<HubFailure> = new Set(["network", "timeout", "server", "rate"]);

/** Whether the same request may succeed later. */
export const isPassing = (error: unknown): error is HubError => error instanceof HubError && passing.has(error.failure);

/** The error of the last of several tries. */
export const afterTries = (error: HubError, tries: number): HubError =>
  new HubError(error.failure, `${error.message}, and so it was ${tries} times`, {
    hint: error.hint ?? "Check the network and HF_ENDPOINT, and run the command again later.",
    cause: error,
    retryAfter: error.retryAfter,
  });

/** Whether the file is not to be had here, and another name may be. */
export const isAbsence = ({ failure }: HubError): boolean => failure === "no-file" || failure === "not-cached";

export const interrupted = (): TimmcError =>
  new TimmcError("interrupted", "the download was stopped; the next one goes on where it ended");

/** The failure of a file operation in the cache. */
export function diskError(path: string, cause: unknown): HubError {
  const code = codeOf(cause);
  const isFull = code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
  const what = isFull ? "the disk has no room left" : `it cannot be written (${messageOf(cause)})`;
  return new HubError("disk", `${path}: ${what}`, {
    hint: isFull
      ? "Free some room and run the command again: the download goes on where it ended. --cache-dir DIR names another disk."
      : "Check the rights of the cache folder, or name another one with --cache-dir DIR.",
    cause,
  });
}
