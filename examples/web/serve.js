// Compile a network for the browser and serve a page that runs it: node examples/web/serve.js [OUT] [MODEL]
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "timmc";

const here = import.meta.dirname;
const models = path.join(here, "../models");
const out = path.resolve(process.argv[2] ?? "artifacts/web");
const model = process.argv[3] ?? `local-dir:${path.join(models, "test_resnet.shapes")}`;

// The network takes the picture's bytes, gives probabilities, and beside them the feature stages.
const taps = ["logits", "features"];
const { files } = await compile({ model, out, taps, target: "webgpu", preprocess: true, softmax: true });
for (const { path, bytes } of files) console.log(`${path} (${bytes} bytes)`);

// The page, the artifact, and the two modules of timmc that the page imports: index.html says by which names.
const pictures = path.join(models, "pictures");
const timmc = path.join(path.dirname(fileURLToPath(import.meta.resolve("timmc/runtime/webgpu"))), "../..");
const folders = new Map(Object.entries({ page: path.join(here, "page"), model: out, timmc, pictures }));

/** @type {Readonly<Record<string, string>>} */
const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css",
  ".js": "text/javascript",
  ".json": "application/json",
  ".png": "image/png",
};

// An address that is none, such as /%E0%A4%A, is no reason to stop.
const server = createServer((request, response) =>
  answer(request.url ?? "/", response).catch(() => response.writeHead(400).end()),
);

/** @type {(url: string, response: import("node:http").ServerResponse) => Promise<unknown>} */
async function answer(url, response) {
  const place = decodeURIComponent(new URL(url, "http://localhost").pathname);
  if (place === "/") return response.writeHead(302, { location: "/page/index.html" }).end();
  if (place === "/pictures.json") return response.end(JSON.stringify(await readdir(pictures)));
  const [, name = "", ...rest] = place.split("/");
  const folder = folders.get(name) ?? "";
  const file = path.join(folder, ...rest);
  const bytes =
    file.startsWith(folder + path.sep) && folder !== "" ? await readFile(file).catch(() => undefined) : undefined;
  if (bytes === undefined) return response.writeHead(404).end();
  return response
    .writeHead(200, { "content-type": types[path.extname(file)] ?? "application/octet-stream" })
    .end(bytes);
}

// WebGPU needs https, or this machine's own address.
server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () => {
  const address = server.address();
  console.log(`http://localhost:${typeof address === "object" ? address?.port : ""}/`);
});
