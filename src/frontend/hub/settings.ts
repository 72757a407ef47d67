import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { codeOf } from "../../ir/caught.ts";
import { TimmcError } from "../../ir/error.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the Hub and its cache are, as huggingface_hub reads them from the environment. */
export interface HubSettings {
  /** Scheme, host and path prefix, without a slash at the end. */
  readonly endpoint: string;
  /** The cache's root, absolute. */
  readonly cache: string;
  /** Nothing may touch the network. */
  readonly offline: boolean;
  /** Snapshots may be symbolic links. */
  readonly links: boolean;
  /** Milliseconds to the first byte of an answer about a file. */
  readonly headTimeout: number;
  /** Milliseconds without a byte of a file. */
  readonly bodyTimeout: number;
  /** Failures in a row that end a download. */
  readonly attempts: number;
  /** Milliseconds before the first retry, doubled at each further one. */
  readonly backoff: number;
  /** The header for requests to the endpoint. A function, so that printing the settings shows no token. */
  readonly authorization: () => string | undefined;
}

/**
 * Settings by HF_HUB_CACHE (or the older HUGGINGFACE_HUB_CACHE), HF_HOME, XDG_CACHE_HOME, HF_ENDPOINT, HF_TOKEN (or
 * HUGGING_FACE_HUB_TOKEN, or the file HF_TOKEN_PATH), HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE (or
 * TRANSFORMERS_OFFLINE), HF_HUB_DISABLE_SYMLINKS, HF_HUB_ETAG_TIMEOUT and HF_HUB_DOWNLOAD_TIMEOUT. An empty variable is
 * none. `cacheDir` goes before them all.
 *
 * @throws TimmcError `usage` for an endpoint that is no http address or a token that cannot be sent, `io` for a token
 *   file that cannot be read. No message repeats a token.
 */
export function hubSettings(cacheDir?: string, env: Environment = process.env): HubSettings {
  const get = (...names: readonly string[]): string | undefined => {
    const value = names.map((name) => env[name]).find((text) => text !== undefined && text !== "");
    return value;
  };
  const path = (...names: readonly string[]): string | undefined => {
    const value = get(...names);
    return value === undefined ? undefined : expand(value, env);
  };
  const flag = (...names: readonly string[]): boolean => names.some((name) => isTrue(env[name]));
  const home = path("HF_HOME") ?? join(path("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "huggingface");
  const offline = flag("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE");
  const token =
    offline || flag("HF_HUB_DISABLE_IMPLICIT_TOKEN")
      ? undefined
      : readToken(get("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"), path("HF_TOKEN_PATH") ?? join(home, "token"));
  return {
    endpoint: endpointOf(get("HF_ENDPOINT") ?? "https://huggingface.co"),
    cache: resolve(cacheDir ?? path("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? join(home, "hub")),
    offline,
    links: !flag("HF_HUB_DISABLE_SYMLINKS"),
    headTimeout: seconds(get("HF_HUB_ETAG_TIMEOUT")),
    bodyTimeout: seconds(get("HF_HUB_DOWNLOAD_TIMEOUT")),
    attempts: 5,
    backoff: 500,
    authorization: () => (token === undefined ? undefined : `Bearer ${token}`),
  };
}

const isTrue = (text: string | undefined): boolean => /^(?:1|on|yes|true)$/i.test(text ?? "");

/** A leading `~` and `$NAME` or `${NAME}`, as Python's expanduser and expandvars do; what is not set stays as it is. */
function expand(path: string, env: Environment): string {
  const named = path.replace(
    /\$(?:(\w+)|\{(\w+)\})/g,
    (text, bare: string | undefined, braced: string | undefined) => env[bare ?? braced ?? ""] ?? text,
  );
  return named.replace(/^~(?=$|[/\\])/, () => homedir());
}

/** Ten seconds unless the variable has a positive number; at most a day, which a timer can hold. */
function seconds(text: string | undefined): number {
  const value = Number(text);
  return Number.isFinite(value) && value > 0 ? Math.min(value, 86_400) * 1000 : 10_000;
}

function endpointOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.username === "" && url.password === "" && url.search + url.hash === "";
  if (url !== undefined && isPlain && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, "");
  throw new TimmcError("usage", "HF_ENDPOINT is not the address of a Hub", {
    hint: "Give http://HOST or https://HOST, without a user name and without a query; a token belongs into HF_TOKEN.",
  });
}

function readToken(given: string | undefined, file: string): string | undefined {
  const token = (given ?? readTokenFile(file))?.trim();
  if (token === undefined || token === "") return undefined;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new TimmcError("usage", `${given === undefined ? file : "HF_TOKEN"} holds characters that no token has`, {
    hint: "Copy the token again from the Hub's settings page.",
  });
}

function readTokenFile(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new TimmcError("io", `the Hub token cannot be read (${String(code)})`, {
      trail: [file],
      hint: "Mend the file, or set HF_TOKEN.",
      cause,
    });
  }
}
