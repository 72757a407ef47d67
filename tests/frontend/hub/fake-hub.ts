import { createHash } from "node:crypto";
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  createServer,
} from "node:http";
import type { AddressInfo } from "node:net";

/** What was asked of one of the two servers. */
export interface Seen {
  readonly server: "hub" | "cdn";
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** How an answer goes wrong. */
export interface Fault {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in place of the file. */
  readonly body?: Uint8Array;
  /** The connection is cut after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Nothing more comes after so many bytes of the body. */
  readonly stallAfter?: number;
  /** The connection is cut before any answer. */
  readonly refuse?: boolean;
  /** Milliseconds between pieces of 64 KiB. */
  readonly slow?: number;
  /** No Content-Length. */
  readonly chunked?: boolean;
  /** Range and If-Range are not understood. */
  readonly whole?: boolean;
}

export interface FakeFile {
  bytes: Uint8Array;
  /** Large: behind a redirect to the CDN, with its SHA-256 as etag. */
  readonly lfs: boolean;
}

export interface FakeHub {
  readonly endpoint: string;
  readonly cdn: string;
  readonly seen: Seen[];
  readonly files: Map<string, FakeFile>;
  commit: string;
  /** Decides per request; undefined is an answer as it should be. */
  fault: (request: Seen) => Fault | undefined;
  readonly close: () => Promise<void>;
}

export const repo = "timm/fake";
export const commit = "0123456789abcdef0123456789abcdef01234567";

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const gitId = (bytes: Uint8Array): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

export const etagFor = ({ bytes, lfs }: FakeFile): string => (lfs ? sha256(bytes) : gitId(bytes));

/** A Hub and its CDN on two ports of the loopback: one repository, `main` and one commit. */
export async function startHub(files: Readonly<Record<string, FakeFile>>): Promise<FakeHub> {
  const seen: Seen[] = [];
  const stored = new Map(Object.entries(files));
  const answer =
    (server: "hub" | "cdn", right: (seen: Seen, response: ServerResponse) => void) =>
    (request: IncomingMessage, response: ServerResponse): void => {
      const { method = "", url = "", headers } = request;
      const entry: Seen = { server, method, url, headers };
      seen.push(entry);
      const fault = hub.fault(entry);
      if (fault?.refuse === true) response.destroy();
      else if (fault?.status !== undefined) respond(response, { status: 200, ...fault }, new Uint8Array());
      else right(entry, Object.assign(response, { fault }));
    };
  const hubServer = createServer(answer("hub", (entry, response) => answerHub(hub, entry, response)));
  const cdnServer = createServer(answer("cdn", (entry, response) => answerCdn(hub, entry, response)));
  const hub: FakeHub = {
    endpoint: await listen(hubServer),
    cdn: await listen(cdnServer),
    seen,
    files: stored,
    commit,
    fault: () => undefined,
    close: async () => {
      for (const server of [hubServer, cdnServer]) {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
    },
  };
  return hub;
}

const listen = (server: Server): Promise<string> =>
  new Promise((done) => {
    server.listen(0, "127.0.0.1", () => done(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });

function answerHub(hub: FakeHub, { method, url, headers }: Seen, response: ServerResponse): void {
  const [, name, revision, path] = /^\/([\w./-]+)\/resolve\/([^/]+)\/(.+)$/.exec(url) ?? [];
  const error = (status: number, code: string): void =>
    respond(response, { status, headers: { "x-error-code": code, "x-error-message": code } }, new Uint8Array());
  if (name !== repo) return error(401, "RepoNotFound");
  if (!["main", hub.commit].includes(decodeURIComponent(revision ?? ""))) return error(404, "RevisionNotFound");
  const file = hub.files.get(decodeURIComponent(path ?? ""));
  const known = { "x-repo-commit": hub.commit };
  if (file === undefined)
    return respond(response, { status: 404, headers: { ...known, "x-error-code": "EntryNotFound" } }, new Uint8Array());
  const etag = `"${etagFor(file)}"`;
  if (!file.lfs) return send(response, file.bytes, { method, headers, etag, more: known });
  respond(
    response,
    {
      status: 302,
      headers: {
        ...known,
        location: `${hub.cdn}/${encodeURIComponent(path ?? "")}?Signature=SECRET`,
        "x-linked-etag": etag,
        "x-linked-size": String(file.bytes.length),
      },
    },
    Buffer.from("Found"),
  );
}

function answerCdn(hub: FakeHub, { method, url, headers }: Seen, response: ServerResponse): void {
  const file = hub.files.get(decodeURIComponent(decodeURIComponent(url.slice(1).split("?")[0] ?? "")));
  if (file === undefined) return respond(response, { status: 404 }, new Uint8Array());
  send(response, file.bytes, { method, headers, etag: `"cdn-${sha256(file.bytes).slice(0, 8)}"`, more: {} });
}

/** A file, or the part that Range names, where If-Range still holds. */
function send(
  response: ServerResponse,
  bytes: Uint8Array,
  {
    method,
    headers,
    etag,
    more,
  }: { method: string; headers: IncomingHttpHeaders; etag: string; more: Readonly<Record<string, string>> },
): void {
  const { fault } = response as ServerResponse & { fault?: Fault };
  const content = fault?.body ?? bytes;
  const [, start] = /^bytes=(\d+)-$/.exec(headers.range ?? "") ?? [];
  const condition = headers["if-range"];
  const isPart = start !== undefined && fault?.whole !== true && (condition === undefined || condition === etag);
  const from = isPart ? Number(start) : 0;
  if (isPart && from >= content.length) return respond(response, { status: 416 }, new Uint8Array());
  const part = content.subarray(from);
  const own = {
    ...more,
    etag,
    ...(fault?.chunked === true ? {} : { "content-length": String(part.length) }),
    ...(isPart ? { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    ...fault?.headers,
  };
  respond(
    response,
    { ...fault, status: isPart ? 206 : 200, headers: own },
    method === "HEAD" ? new Uint8Array() : part,
  );
}

const pieceSize = 64 << 10;

function respond(response: ServerResponse, fault: Fault, part: Uint8Array): void {
  const body = part.length === 0 && fault.body !== undefined ? fault.body : part;
  response.writeHead(fault.status ?? 200, fault.headers);
  const limit = fault.cutAfter ?? fault.stallAfter ?? body.length;
  let at = 0;
  const next = (): void => {
    if (response.destroyed) return;
    if (at >= limit) {
      if (fault.cutAfter !== undefined && body.length > limit) response.destroy();
      else if (fault.stallAfter === undefined || body.length <= limit) response.end();
      return;
    }
    const piece = body.subarray(at, Math.min(limit, at + pieceSize));
    at += piece.length;
    response.write(piece, () => (fault.slow === undefined ? setImmediate(next) : setTimeout(next, fault.slow)));
  };
  next();
}
