import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContext, type Page, chromium } from "playwright-core";
import { afterAll, afterEach, describe } from "vitest";

const executable = "/usr/bin/chromium";

/** By whether they have WebGPU, which is SwiftShader's then, on the processor; presenting it takes all of the flags. */
const browsers = new Map<boolean, Promise<Browser>>();
const gpuFlags = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
  "--use-vulkan=swiftshader",
  "--use-angle=swiftshader",
];
const contexts: BrowserContext[] = [];

/**
 * A suite of tests in Debian's chromium, skipped with a word where that is not installed. The browser starts with the
 * first page; pages are closed after each test.
 */
export function describeInBrowser(name: string, tests: () => void): void {
  const isInstalled = existsSync(executable);
  if (!isInstalled && process.env["TIMMC_REQUIRE_GPU_TESTS"] !== undefined)
    throw new Error("tests need WebGPU in a browser, and chromium is not installed");
  if (!isInstalled) console.warn("SKIPPED: chromium is not installed (Debian: apt-get install chromium)");
  describe.skipIf(!isInstalled)(name, () => {
    afterEach(() => Promise.all(contexts.splice(0).map((context) => context.close())));
    afterAll(async () => {
      await Promise.all([...browsers.values()].map(async (browser) => (await browser).close()));
      browsers.clear();
    });
    tests();
  });
}

/** How a reader sees a page; a wide light screen where nothing is said. */
export interface View {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** In a browser that has WebGPU. */
  readonly gpu?: boolean;
  /** A script that runs ahead of the page's. */
  readonly before?: string;
  /** False for a browser whose reader has turned scripts off. */
  readonly scripts?: boolean;
}

export interface OpenedPage {
  readonly page: Page;
  /** What a page must not do: messages on the console, errors, requests beyond the file itself. */
  readonly faults: readonly string[];
}

/** Opens a file as a reader does who clicks on it, without a network. */
export function openPage(file: string, view: View = {}): Promise<OpenedPage> {
  const { href } = pathToFileURL(file);
  return open(href, { ...view, offline: true }, (url) => url === href);
}

/** Opens a page of a server; requests may go to that server alone. */
export const openSite = (href: string, view: View = {}): Promise<OpenedPage> =>
  open(href, { ...view, offline: false }, (url) => new URL(url).origin === new URL(href).origin);

async function open(
  href: string,
  view: View & { readonly offline: boolean },
  mayRequest: (url: string) => boolean,
): Promise<OpenedPage> {
  const context = await (
    await browserOf(view.gpu ?? false)
  ).newContext({
    offline: view.offline,
    viewport: { width: view.width ?? 1280, height: view.height ?? 800 },
    colorScheme: view.dark === true ? "dark" : "light",
    javaScriptEnabled: view.scripts ?? true,
  });
  contexts.push(context);
  if (view.before !== undefined) await context.addInitScript(view.before);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (message) => faults.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => {
    if (!mayRequest(request.url())) faults.push(`a request to ${request.url()}`);
  });
  await page.goto(href);
  return { page, faults };
}

function browserOf(gpu: boolean): Promise<Browser> {
  // The tests run in containers, where chromium's own sandbox cannot start.
  const args = ["--no-sandbox", ...(gpu ? gpuFlags : [])];
  const found = browsers.get(gpu) ?? chromium.launch({ executablePath: executable, args });
  browsers.set(gpu, found);
  return found;
}
