import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Page } from "playwright-core";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compile, run } from "../../src/index.ts";
import { decodeImage } from "../../src/frontend/preprocess/decode.ts";
import { preprocessPixels } from "../../src/frontend/preprocess/transform.ts";
import { difference, runClient } from "../driver/client/client-module.ts";
import { temporaryFolder } from "../driver/workspace.ts";
import { type View, describeInBrowser, openSite } from "./browser.ts";
import { contrastOf } from "./style.ts";

const root = join(import.meta.dirname, "../..");
const models = join(root, "examples/models");
const pictures = join(models, "pictures");
const model = `local-dir:${join(models, "test_resnet.shapes")}`;
const picture = (name: string): string => join(pictures, `${name}.png`);

const status = (page: Page) => page.locator("#status").textContent();
const problem = (page: Page) => page.locator("#problem");
const shares = (page: Page): Promise<string[]> => page.locator("#labels li").allInnerTexts();

/** A run takes a while on a processor, and a load more. */
const eventually = <T>(of: () => Promise<T>) => expect.poll(of, { timeout: 30_000 });

/** What the canvas shows: R, G and B of its pixels. */
const colours = (page: Page): Promise<number[]> =>
  page.evaluate<number[]>(`(() => {
    const canvas = document.getElementById("heat");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [...data].filter((_, i) => i % 4 < 3);
  })()`);

/** Runs the page's own modules on a picture of the server. */
const outputsOf = (page: Page, name: string) =>
  page.evaluate<
    Readonly<Record<string, { readonly dims: readonly number[]; readonly data: readonly number[] }>>
  >(`(async () => {
    const { pixelsOf } = await import("/page/picture.js");
    const { pictureTensor } = await import("timmc/preprocess");
    const { input, load } = await import("/model/index.js");
    const model = await load({ runtime: await import("timmc/runtime/webgpu") });
    const pixels = await pixelsOf(await (await fetch("/pictures/${name}.png")).blob());
    const tensor = pictureTensor(pixels, input);
    const outputs = { input: tensor, ...(await model.run(tensor)) };
    await model.release();
    const plain = ([tap, { dims, data }]) => [tap, { dims, data: [...data] }];
    return Object.fromEntries(Object.entries(outputs).map(plain));
  })()`);

describeInBrowser("the example of a page that runs a network with WebGPU", () => {
  const at = temporaryFolder();
  const server = { origin: "", end: () => {} };

  beforeAll(async () => {
    const child = spawn(process.execPath, [join(root, "examples/web/serve.js"), at("webgpu")], {
      cwd: root,
      env: { ...process.env, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    server.end = () => void child.kill();
    server.origin = await new Promise((resolve, reject) => {
      child.once("exit", () => reject(new Error("the server ended")));
      child.stdout.on("data", (text: Buffer) => {
        const [url] = /http:\S+/.exec(text.toString()) ?? [];
        if (url !== undefined) resolve(url);
      });
    });
    const taps = ["logits", "features"];
    await compile({ model, out: at("onnx"), taps, preprocess: true, softmax: true, batch: 1 });
  }, 120_000);
  afterAll(() => server.end());

  const open = async (view: View = {}) => {
    const opened = await openSite(server.origin, { gpu: true, ...view });
    await opened.page.locator("#samples button").last().waitFor();
    return opened;
  };

  it("names the shapes on pictures as timmc run does on the ONNX artifact", async () => {
    const { page, faults } = await open();
    const names = ["star-1", "ring-2", "heart-1", "arrow-2"];
    const expected = await run(at("onnx"), names.map(picture), { top: 5 });
    for (const { image, top } of expected) {
      const name = basename(image, ".png");
      await page.getByRole("button", { name }).click();
      await eventually(() => status(page)).toMatch(
        new RegExp(`^${name.split("-")[0]}: a picture of \\d+ x \\d+ pixels$`),
      );
      const said = (await shares(page)).map((text) => text.split(/\s*\n\s*/));
      expect(said.map(([label]) => label)[0]).toBe(top?.[0]?.label);
      said.forEach(([, share], i) =>
        expect(Number.parseFloat(share ?? "")).toBeCloseTo(100 * (top?.[i]?.probability ?? 0), 0),
      );
    }
    expect(await page.locator("#times").innerText()).toMatch(
      /^Decode\s+\d+\.\d ms\s+Resize and crop\s+\d.*\s+Run\s+\d/,
    );
    await page.getByText("Time of each kernel").click();
    await eventually(() => page.locator("#kernel-times tr").count()).toBeGreaterThan(10);
    expect(faults).toEqual([]);
  });

  it("computes what ONNX Runtime does, on every tap, from the same pixels", async () => {
    const { page } = await open();
    const { input, ...outputs } = await outputsOf(page, "cross-1");
    const image = await decodeImage(picture("cross-1"));
    const config = { inputSize: [3, 96, 96], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
    const planes = preprocessPixels(image, { ...config, interpolation: "bicubic", cropPct: 1, cropMode: "center" });
    const pixels = Uint8Array.from(planes, (_, i) => planes[(i % 3) * 96 * 96 + Math.floor(i / 3)] ?? 0);
    expect(input?.data.join() === pixels.join()).toBe(true);
    const expected = await runClient(at("onnx"), ort, { dims: [1, 96, 96, 3], data: pixels });
    expect(Object.keys(outputs)).toEqual(Object.keys(expected));
    for (const tap of Object.keys(expected)) expect(difference(outputs[tap], expected[tap]), tap).toBeLessThan(1e-4);
  });

  it("shows what each stage responds to over the picture", async () => {
    const { page } = await open();
    await page.getByRole("button", { name: "star-1" }).click();
    await page.locator("#stages").waitFor();
    const seen = new Set<string>();
    const radios = page.getByRole("radio");
    for (let i = 0; i < (await radios.count()); i++) {
      await radios.nth(i).check();
      const shown = await colours(page);
      expect(new Set(shown).size).toBeGreaterThan(20);
      seen.add(shown.join());
    }
    expect(seen.size).toBe(5);
    await radios.first().focus();
    await page.keyboard.press("ArrowRight");
    expect(await page.getByRole("img", { name: "features.1, length as a vector of the channels" }).count()).toBe(1);
    for (const way of ["mean", "largest"]) {
      await page.getByRole("combobox", { name: "Of the channels" }).selectOption(way);
      seen.add((await colours(page)).join());
    }
    expect(seen.size).toBe(7);
    await page.getByLabel("Over the picture").fill("0");
    const { data } = await decodeImage(picture("star-1"));
    expect((await colours(page)).join() === data.join()).toBe(true);
  });

  it("takes pictures that are chosen, dropped or pasted, and says what is none", async () => {
    const { page } = await open();
    const give = (event: string, field: string, name: string, type: string, bytes: Uint8Array) =>
      page.evaluate(`(() => {
        const files = new DataTransfer();
        files.items.add(new File([new Uint8Array([${[...bytes]}])], "${name}", { type: "${type}" }));
        document.dispatchEvent(new ${event}("${event === "DragEvent" ? "drop" : "paste"}", { bubbles: true, ${field}: files }));
      })()`);
    await page.locator("#file").setInputFiles(picture("square-1"));
    await eventually(() => status(page)).toContain("square");
    await give("DragEvent", "dataTransfer", "r.png", "image/png", readFileSync(picture("ring-1")));
    await eventually(() => status(page)).toContain("ring");
    await give("ClipboardEvent", "clipboardData", "h.png", "image/png", readFileSync(picture("hexagon-1")));
    await eventually(() => status(page)).toContain("hexagon");

    writeFileSync(at("notes.txt"), "no picture");
    await page.locator("#file").setInputFiles(at("notes.txt"));
    await eventually(() => problem(page).textContent()).toBe("notes.txt is no picture: it is text/plain");
    writeFileSync(at("cut.png"), readFileSync(picture("ring-1")).subarray(0, 60));
    await page.locator("#file").setInputFiles(at("cut.png"));
    await eventually(() => problem(page).textContent()).toBe("cut.png cannot be read as a picture: it may be damaged");
    await page.locator("#file").setInputFiles(picture("circle-2"));
    await eventually(() => status(page)).toContain("circle");
    expect(await problem(page).isVisible()).toBe(false);
  });

  it("says that there is no WebGPU, and what has it", async () => {
    const { page } = await openSite(server.origin);
    await expect
      .poll(() => problem(page).textContent())
      .toMatch(/^This page needs WebGPU, as Chrome.* have it: there is no/);
    expect(await page.locator("#main").isVisible()).toBe(false);
  });

  it("says how far the weights are, and loads again when the device is lost", async () => {
    const before = `{
      const { requestDevice } = GPUAdapter.prototype;
      globalThis.devices = [];
      GPUAdapter.prototype.requestDevice = async function (...options) {
        const device = await requestDevice.apply(this, options);
        globalThis.devices.push(device);
        return device;
      };
      globalThis.said = [];
      addEventListener("DOMContentLoaded", () => {
        const place = document.getElementById("status");
        new MutationObserver(() => said.push(place.textContent)).observe(place, { childList: true });
      });
    }`;
    const { page } = await open({ before });
    const said = await page.evaluate<string[]>("globalThis.said");
    expect(said.find((text) => text.startsWith("Loading the network: 1.4 of 1.4 MiB"))).toBeDefined();
    await page.evaluate("globalThis.devices.at(-1).destroy()");
    await page.getByRole("button", { name: "star-1" }).click();
    await eventually(() => problem(page).textContent()).toContain("The graphics device was lost: ");
    await page.getByRole("button", { name: "Load again" }).click();
    await eventually(() => status(page)).toContain("Ready");
    expect(await problem(page).isVisible()).toBe(false);
    await page.getByRole("button", { name: "star-1" }).click();
    await eventually(() => status(page)).toContain("star: ");
  });

  it.each([
    [1366, false],
    [390, true],
  ])("is laid out for %i pixels with contrast (dark: %s)", async (width, dark) => {
    const { page } = await open({ width, dark });
    await page.getByRole("button", { name: "star-1" }).click();
    await page.locator("#stages").waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    for (const text of ["h1", "#status", ".drop strong", "#labels li", "#times dt", "#stage-choice small", "#least"])
      expect((await contrastOf(page.locator(text).first())).text, text).toBeGreaterThanOrEqual(4.5);
  });

  it("is served from its folders alone", async () => {
    const statusOf = async (path: string) => (await fetch(new URL(path, server.origin))).status;
    expect(await statusOf("/page/app.js")).toBe(200);
    for (const path of [
      "/page/..%2fserve.js",
      "/page/%2e%2e/serve.js",
      "/other/app.js",
      "/model",
      "/%2e%2e/package.json",
      "/constructor/app.js",
    ])
      expect(await statusOf(path), path).toBe(404);
    expect(await statusOf("/page/%E0%A4%A")).toBe(400);
    expect(await statusOf("/page/app.js")).toBe(200);
  });
});
