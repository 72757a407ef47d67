import { didYouMean, nearNames, quote } from "../suggest.ts";
import { listArchitectures, pretrainedTags, findName } from "../registry.ts";
import { isCommit } from "./cache.ts";
import { HubError } from "./error.ts";
import { type HubResponse, send } from "./request.ts";
import type { HubSettings } from "./settings.ts";

/** A repository at a revision: a branch, a tag or a commit. */
export interface HubAddress {
  readonly repo: string;
  readonly revision: string;
}

/** What the Hub says about a file before it is sent. */
export interface RemoteFile {
  /** The commit that the revision stands for now. */
  readonly commit: string;
  /** The blob's name: the SHA-256 of a large file, the git blob id of a small one. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
}

export const fileUrl = ({ endpoint }: HubSettings, { repo, revision }: HubAddress, file: string): string =>
  `${endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${file.split("/").map(encodeURIComponent).join("/")}`;

/**
 * Asks the Hub what a file is at a revision. One request; redirects are followed on the Hub's own origin alone.
 *
 * @throws HubError of any kind but `content` and `disk`; TimmcError `interrupted`.
 */
export async function askFor(
  settings: HubSettings,
  at: HubAddress,
  file: string,
  signal: AbortSignal | undefined,
): Promise<RemoteFile> {
  const url = fileUrl(settings, at, file);
  const answer = await send(settings, { method: "HEAD", url, timeout: settings.headTimeout, signal, abroad: false });
  answer.close();
  const { status } = answer.response;
  if (status >= 400) throw refusal(answer, settings, at, file);
  return readHeaders(answer, at);
}

/** The announced etag of an answer to GET, in the form of `RemoteFile.etag`; undefined where it announces none. */
export function etagOf(headers: Headers): string | undefined {
  const text = headers.get("x-linked-etag") ?? headers.get("etag");
  return text?.replace(/^W\//, "").replace(/^"(.*)"$/, "$1");
}

function readHeaders({ hops, response, url }: HubResponse, { revision }: HubAddress): RemoteFile {
  const refuse = (what: string): HubError =>
    new HubError("protocol", `${url.host} does not answer as a Hub: ${what}`, {
      hint: "Check HF_ENDPOINT, and whether a proxy stands between.",
    });
  const get = (name: string): string | null => hops.findLast((h) => h.has(name))?.get(name) ?? null;
  const commit = get("x-repo-commit") ?? "";
  if (!isCommit(commit)) throw refuse("X-Repo-Commit is not a commit");
  if (isCommit(revision) && revision !== commit) throw refuse("X-Repo-Commit is another commit than the one asked for");
  const linked = hops.findLast((h) => h.has("x-linked-etag"));
  const etag = etagOf(linked ?? response.headers) ?? "";
  if (!/^[\w-]{1,200}$/.test(etag)) throw refuse("the ETag cannot name a file");
  const length = get("x-linked-size") ?? (response.status < 300 ? response.headers.get("content-length") : null);
  const size = /^\d{1,16}$/.test(length ?? "") ? Number(length) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw refuse("the size of the file is not announced");
  return { commit, etag, size };
}

/** What an answer of 400 and above means, by the Hub's X-Error-Code first. */
export function refusal(
  answer: HubResponse,
  settings: HubSettings,
  { repo, revision }: HubAddress,
  file: string,
): HubError {
  const { response, url } = answer;
  const { status, headers } = response;
  const code = headers.get("x-error-code") ?? "";
  const isForeign = url.origin !== new URL(settings.endpoint).origin;
  const retryAfter = parseRetryAfter(headers.get("retry-after"));
  if (status === 429)
    return new HubError("rate", `${url.host} has had too many requests (429)`, {
      hint: laterHint(retryAfter),
      retryAfter,
    });
  if (status === 408) return new HubError("timeout", `${url.host} gave up waiting (408)`);
  if (status >= 500)
    return new HubError("server", `${url.host} answers ${status}`, { hint: laterHint(retryAfter), retryAfter });
  // A signed address that has expired; the Hub gives a new one.
  if (isForeign)
    return new HubError(status === 401 || status === 403 ? "server" : "protocol", `${url.host} answers ${status}`);
  if (code === "RevisionNotFound")
    return new HubError("no-revision", `${repo} has no branch, tag or commit ${quote(revision)}`, {
      hint: "Leave @REVISION out for the branch main.",
    });
  if (code === "EntryNotFound" || (status === 404 && code !== "RepoNotFound"))
    return new HubError("no-file", `${repo} has no ${quote(file)} at ${revision}`);
  const hasToken = settings.authorization() !== undefined;
  if (code === "GatedRepo")
    return new HubError("gated", `access to ${repo} must be granted (${status})`, {
      hint: `Accept its terms at ${settings.endpoint}/${repo}, then ${hasToken ? "use the token of that account" : tokenHint}.`,
    });
  if (status === 401 && hasToken && /invalid credentials/i.test(headers.get("x-error-message") ?? ""))
    return new HubError("denied", `${url.host} does not accept the token (401)`, {
      hint: "Set HF_TOKEN to a valid token, or HF_HUB_DISABLE_IMPLICIT_TOKEN=1 to send none.",
    });
  if (status === 401 || code === "RepoNotFound")
    return new HubError("no-repo", `the Hub shows no repository ${quote(repo)} (${status})`, {
      hint: repoHint(repo, hasToken),
    });
  if (status === 403)
    return new HubError("denied", `the Hub refuses ${repo} (403)`, {
      hint: `Its owner grants access; ${hasToken ? "the token may lack the right to read it" : tokenHint}.`,
    });
  return new HubError("protocol", `${url.host} answers ${status}`);
}

const tokenHint = "set HF_TOKEN to a token that may read it";

const laterHint = (retryAfter: number | undefined): string =>
  retryAfter === undefined ? "Try again later." : `Try again in ${Math.ceil(retryAfter / 1000)} s.`;

/** Seconds or a date, as milliseconds from now. */
function parseRetryAfter(text: string | null): number | undefined {
  if (text === null) return undefined;
  const milliseconds = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

/** A private repository looks like none, and a misspelled timm model has near names. */
function repoHint(repo: string, hasToken: boolean): string {
  const isPrivate = `A private one needs ${hasToken ? "a token that may read it" : "HF_TOKEN"}.`;
  const [owner = "", name = ""] = repo.split("/");
  if (owner !== "timm") return isPrivate;
  const [architecture = "", tag = ""] = [name.slice(0, dotOf(name)), name.slice(dotOf(name) + 1)];
  const near =
    findName(architecture) === undefined
      ? nearNames(architecture, listArchitectures()).map((a) => `timm/${a}.${pretrainedTags(a)[0] ?? ""}`)
      : nearNames(tag, pretrainedTags(findName(architecture)?.architecture ?? architecture)).map(
          (t) => `timm/${architecture}.${t}`,
        );
  return [didYouMean(near), isPrivate].filter((text) => text !== undefined).join(" ");
}

const dotOf = (name: string): number => (name.includes(".") ? name.indexOf(".") : name.length);
