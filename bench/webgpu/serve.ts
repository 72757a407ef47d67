import { createReadStream, existsSync, statSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

export interface Served {
  readonly address: string;
  close(): void;
}

/** Serves folders by their first path segment on this machine alone, isolated as WebAssembly's threads ask; `/` is a page that loads `script`. */
export async function serve(folders: Readonly<Record<string, string>>, script: string): Promise<Served> {
  const server = createServer(({ url = "/" }, answer) => {
    const isolated = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
    const { pathname } = new URL(url, "http://localhost");
    if (pathname === "/") {
      answer.writeHead(200, { "content-type": "text/html", ...isolated });
      answer.end(`<!doctype html><script type="module" src="${script}"></script>`);
      return;
    }
    if (pathname === "/favicon.ico") return void answer.writeHead(204).end();
    const [, first = "", ...rest] = pathname.split("/").map(decodeURIComponent);
    const root = folders[first];
    const file = root === undefined ? undefined : path.join(root, ...rest);
    if (file === undefined || root === undefined || !file.startsWith(root) || !existsSync(file)) {
      answer.writeHead(404).end();
      return;
    }
    const type = types[path.extname(file)] ?? "application/octet-stream";
    answer.writeHead(200, { "content-type": type, "content-length": statSync(file).size, ...isolated });
    createReadStream(file).pipe(answer);
  });
  await listening(server);
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/`, close: () => void server.close() };
}

const listening = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
