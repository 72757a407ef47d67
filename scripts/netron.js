// node scripts/netron.js NETRON ARTIFACT [PICTURE.png]: opens an artifact's model in Netron, in Debian's chromium, and
// checks that it draws every node with its name, `module path/operator`. NETRON is the folder `source` of a checkout
// of github.com/lutzroeder/netron: it is on no package registry.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { chromium } from "playwright-core";

const [netron, artifact, picture] = process.argv.slice(2);
if (netron === undefined || artifact === undefined || !existsSync(path.join(netron, "index.html"))) {
  console.log("SKIPPED: give the folder `source` of a checkout of Netron, and an artifact");
  process.exit(2);
}

const manifest = /** @type {import("timmc").Manifest} */ (
  JSON.parse(await readFile(path.join(artifact, "manifest.json"), "utf8"))
);
/** @type {Readonly<Record<string, string>>} */
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json" };

const server = createServer((request, response) => {
  const place = new URL(request.url ?? "/", "http://loopback").pathname.slice(1);
  const file = place.startsWith("artifact/")
    ? path.join(artifact, place.slice("artifact/".length))
    : path.join(netron, place || "index.html");
  readFile(file).then(
    (bytes) => response.writeHead(200, { "content-type": types[path.extname(file)] ?? "" }).end(bytes),
    () => response.writeHead(404).end(),
  );
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
const address = server.address();
const origin = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1600 }, bypassCSP: true });
  // Netron asks for consent to its statistics first; nothing may leave this machine.
  await context.addCookies([{ name: "consent", value: "0", url: origin }]);
  await context.route(
    (url) => url.origin !== origin,
    (route) => route.abort(),
  );
  // It forbids eval, which playwright's own questions to the page go through.
  await context.addInitScript(
    "const own = eval; Object.defineProperty(globalThis, 'eval', { get: () => own, set: () => {} });",
  );
  const page = await context.newPage();
  await page.goto(`${origin}/?url=${origin}/artifact/${manifest.target.model}&identifier=model.onnx`);
  await page.locator("body.default #canvas .node").first().waitFor({ timeout: 60_000 });
  // View > Show Names
  await page.evaluate('globalThis.__view__.toggle("names")');
  await page.waitForFunction(
    'document.body.classList.contains("default") && document.querySelector("#canvas .node-item-type")',
  );
  const drawn = await page.locator("#canvas .node-item-type text").allTextContents();
  const nodes = /** @type {{ name: string, type: string }[]} */ (
    await page.evaluate("globalThis.__view__.activeTarget.nodes.map((n) => ({ name: n.name, type: n.type.name }))")
  );
  if (picture !== undefined) await page.screenshot({ path: picture });
  for (const { name, type } of nodes) console.log(`${type.padEnd(20)} ${name}`);
  /** @param {string} name Long names are drawn with their middle left out. */
  const isDrawn = (name) =>
    drawn.some((text) => {
      const [start = "", end] = text.split("…");
      return end === undefined ? name === start : name.startsWith(start) && name.endsWith(end);
    });
  const missing = nodes.filter(({ name }) => name === "" || !isDrawn(name));
  console.log(`${nodes.length} nodes, of which ${nodes.length - missing.length} are drawn with their names`);
  if (nodes.length === 0 || missing.length > 0) process.exitCode = 1;
} finally {
  await browser.close();
  server.close();
}
