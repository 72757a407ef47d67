import { readFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { afterAll } from "vitest";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
};

/** With an icon, which browsers ask for otherwise. */
const emptyPage = '<!doctype html><title>test</title><link rel="icon" href="data:,">';

/**
 * Serves folders on the loopback, each under the name of its key, and an empty page at `/`; gives the origin. The server
 * ends with the tests of the file.
 */
export async function serve(folders: Readonly<Record<string, string>>): Promise<string> {
  const server = createServer((request, response) => {
    const [, name = "", ...path] = decodeURIComponent(new URL(request.url ?? "/", "http://loopback").pathname).split(
      "/",
    );
    const folder = folders[name];
    if (folder === undefined) {
      response.writeHead(name === "" ? 200 : 404, { "content-type": "text/html" }).end(emptyPage);
      return;
    }
    readFile(join(folder, ...path)).then(
      (bytes) => response.writeHead(200, { "content-type": types[extname(path.at(-1) ?? "")] ?? "" }).end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await listening(server);
  afterAll(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const listening = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
