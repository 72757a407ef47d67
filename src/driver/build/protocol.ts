import { TimmcError, type ErrorCode } from "../../ir/error.ts";
import { messageOf } from "../../ir/caught.ts";
import type { LockedSource } from "./lock-file.ts";
import type { VariantRequest } from "./requests.ts";
import type { VariantSummary } from "./summary.ts";

/** What a worker is to do: one variant. All of it is data, since it travels between threads. */
export interface Job {
  readonly name: string;
  readonly request: VariantRequest;
  /** The artifact's folder, and the file that says which key lies there. */
  readonly out: string;
  readonly stamp: string;
  /** The build cache; null builds without one. */
  readonly cache: { readonly folder: string; readonly maxBytes: number } | null;
  /** The cache of downloads. */
  readonly cacheDir: string | undefined;
  readonly verify: boolean;
}

/** What a worker has found out and asks for before it begins. */
export interface Ask {
  readonly source: LockedSource;
  readonly bytes: number;
}

/** What a worker made of a job. */
export interface Made extends Pick<VariantSummary, "artifact" | "verification" | "top1_agreement" | "failure"> {
  readonly origin: NonNullable<VariantSummary["origin"]>;
}

/** A failure between threads. */
interface SentError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly trail: readonly string[];
  readonly hint: string | undefined;
}

export type ToWorker =
  | { readonly kind: "job"; readonly job: Job }
  | { readonly kind: "permit" }
  | { readonly kind: "refuse"; readonly error: SentError }
  | { readonly kind: "stop" };

export type FromWorker =
  | { readonly kind: "ask"; readonly ask: Ask }
  | { readonly kind: "made"; readonly made: Made }
  | { readonly kind: "failed"; readonly error: SentError }
  | { readonly kind: "note"; readonly text: string }
  | { readonly kind: "progress"; readonly text: string };

/** Any error as data. What is not TimmcError is a defect, and is called one. */
export function sentError(error: unknown): SentError {
  if (error instanceof TimmcError) return { ...pick(error) };
  return {
    code: "invalid-ir",
    message: `internal error: ${messageOf(error)}; please report it`,
    trail: [],
    hint: undefined,
  };
}

const pick = ({ code, message, trail, hint }: TimmcError): SentError => ({ code, message, trail, hint });

export const receivedError = ({ code, message, trail, hint }: SentError): TimmcError =>
  new TimmcError(code, message, { trail, hint });
