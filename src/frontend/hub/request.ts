import { codeOf, messageOf } from "../../ir/caught.ts";
import { HubError, interrupted } from "./error.ts";
import type { HubSettings } from "./settings.ts";

interface HubRequest {
  readonly method: "HEAD" | "GET";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds without a sign of life that end the request. */
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  /** Follow redirects to other origins too. */
  readonly abroad: boolean;
  /** More headers for one hop. */
  readonly headersFor?: (url: URL) => Readonly<Record<string, string>>;
}

export interface HubResponse {
  /** The last answer: no redirect, or one abroad that was not followed. */
  readonly response: Response;
  /** The headers of each hop, the Hub's own first. */
  readonly hops: readonly Headers[];
  /** The address of the last answer. */
  readonly url: URL;
  /** The body in pieces; throws HubError `network` or `timeout`, or TimmcError `interrupted`. */
  readonly chunks: () => AsyncGenerator<Uint8Array, void, undefined>;
  /** Lets the connection go. */
  readonly close: () => void;
}

const maxHops = 10;

/**
 * Sends a request and follows its redirects. The token goes to the endpoint's own origin and nowhere else, whichever way
 * the redirects lead. The caller closes the answer.
 *
 * @throws HubError `network`, `timeout` or `protocol`; TimmcError `interrupted`. No message has more of an address than its host.
 */
export async function send(settings: HubSettings, request: HubRequest): Promise<HubResponse> {
  const home = new URL(settings.endpoint).origin;
  const watch = watchdog(request.signal, request.timeout);
  const hops: Headers[] = [];
  let url = new URL(request.url);
  try {
    for (;;) {
      const response = await hop(settings, request, url, url.origin === home, watch);
      hops.push(response.headers);
      const next = redirectOf(response, url);
      if (next === undefined || (!request.abroad && next.origin !== home))
        return { response, hops, url, chunks: () => chunksOf(response, url, watch), close: watch.stop };
      if (hops.length > maxHops) throw new HubError("protocol", `${url.host} redirects in a circle`);
      void response.body?.cancel().catch(() => {});
      url = next;
    }
  } catch (error) {
    watch.stop();
    throw error;
  }
}

async function hop(
  settings: HubSettings,
  request: HubRequest,
  url: URL,
  isHome: boolean,
  watch: Watchdog,
): Promise<Response> {
  const authorization = isHome ? settings.authorization() : undefined;
  const headers = {
    "accept-encoding": "identity",
    "user-agent": "timmc",
    ...request.headers,
    ...request.headersFor?.(url),
    ...(authorization === undefined ? {} : { authorization }),
  };
  try {
    watch.touch();
    return await fetch(url.href, { method: request.method, headers, redirect: "manual", signal: watch.signal });
  } catch (error) {
    throw watch.explain(error, url);
  }
}

/** Where an answer sends the request on. A 304 or a redirect without a place is an answer like any other. */
function redirectOf({ status, headers }: Response, from: URL): URL | undefined {
  const place = headers.get("location");
  if (![301, 302, 303, 307, 308].includes(status) || place === null) return undefined;
  const next = URL.canParse(place, from.href) ? new URL(place, from) : undefined;
  const isSafe =
    next !== undefined &&
    (next.protocol === "https:" || (next.protocol === "http:" && from.protocol === "http:")) &&
    next.username + next.password === "";
  if (isSafe) return next;
  throw new HubError("protocol", `${from.host} redirects to an address that is not safe to follow`);
}

async function* chunksOf(response: Response, url: URL, watch: Watchdog): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  try {
    for (;;) {
      watch.touch();
      const piece = await reader.read().catch((error: unknown) => {
        throw watch.explain(error, url);
      });
      if (piece.done) return;
      yield piece.value as Uint8Array;
    }
  } finally {
    watch.stop();
  }
}

/** Ends a request when the user stops it or nothing comes for too long, and knows which it was. */
interface Watchdog {
  readonly signal: AbortSignal;
  readonly touch: () => void;
  readonly stop: () => void;
  readonly explain: (error: unknown, url: URL) => Error;
}

function watchdog(outer: AbortSignal | undefined, milliseconds: number): Watchdog {
  const controller = new AbortController();
  let isLate = false;
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => controller.abort();
  outer?.addEventListener("abort", onAbort, { once: true });
  if (outer?.aborted === true) controller.abort();
  return {
    signal: controller.signal,
    touch: () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        isLate = true;
        controller.abort();
      }, milliseconds);
    },
    stop: () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", onAbort);
      controller.abort();
    },
    explain: (error, url) => {
      if (outer?.aborted === true) return interrupted();
      if (isLate) return new HubError("timeout", `${url.host} sent nothing for ${milliseconds / 1000} s`);
      return new HubError("network", `the connection to ${url.host} failed (${reasonOf(error)})`, {
        hint: "Check the network and HF_ENDPOINT.",
        cause: error,
      });
    },
  };
}

/** fetch says "fetch failed" and keeps the reason in the cause. A code holds no address, and neither do plain words. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const each = cause instanceof AggregateError ? [cause, ...(cause.errors as readonly unknown[])] : [cause];
  const code = each.flatMap((e) => codeOf(e) ?? [])[0];
  if (code !== undefined) return code;
  const words = messageOf(cause);
  return /^[a-z ]{1,60}$/i.test(words) ? words : messageOf(error);
}
