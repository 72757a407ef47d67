import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { type Browser, chromium } from "playwright-core";
import type { Shell } from "../src/cli/shell.ts";
import { table } from "../src/cli/table.ts";
import { compileArtifact } from "./artifacts.ts";
import { selectModels } from "./models.ts";
import { type Estimate, estimate, geometricMean, median, quotients } from "./statistics.ts";
import { resolve } from "../src/frontend/resolve.ts";
import { syntheticInput } from "../src/frontend/weights/synthetic.ts";
import type { PageRequest, PageResult } from "./webgpu/page.ts";
import { serve } from "./webgpu/serve.ts";

export interface WebGpuBenchOptions {
  readonly models: readonly string[];
  readonly runs: number;
  readonly browser: string;
  readonly gpu?: boolean;
  readonly profile?: boolean;
  readonly keep?: string;
  readonly json?: string;
}

interface ModelResult extends PageResult {
  readonly model: string;
  /** Of what our artifact has beside weights, gzipped. */
  readonly codeBytes: number;
  readonly weightBytes: number;
  /** Of the ONNX file without weights, gzipped. */
  readonly onnxBytes: number;
  /** Our warm time over ONNX Runtime's of the same round. */
  readonly ratio: Estimate;
}

/** Our WebGPU artifacts and onnxruntime-web's WebGPU execution provider in one page, on one adapter, in turns. */
export async function benchWebGpu(options: WebGpuBenchOptions, shell: Shell): Promise<void> {
  const models = await selectModels(options.models);
  const root = options.keep ?? mkdtempSync(path.join(tmpdir(), "timmc-webgpu-"));
  const load = loadavg()[0] ?? 0;
  const from = performance.now();
  const results: ModelResult[] = [];
  try {
    for (const model of models) {
      const result = await benchModel(model, root, options, shell);
      results.push(result);
      shell.log(`${results.length}/${models.length} ${model}: ${result.ratio.median.toFixed(3)}`);
    }
  } finally {
    if (options.keep === undefined) rmSync(root, { recursive: true, force: true });
  }
  const seconds = (performance.now() - from) / 1000;
  const shipped = runtimeBytes();
  const lines = [...timeTable(results), "", ...byteTable(results, shipped), ""];
  if (options.profile === true) lines.push(...results.flatMap((result) => [...profileTable(result), ""]));
  const adapter = results[0]?.adapter ?? "";
  lines.push(
    `${adapter}, ${options.runs} rounds, ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, ` +
      `load ${load.toFixed(1)} at the start, ${seconds.toFixed(0)} s`,
  );
  shell.print(lines.join("\n"));
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify({ options, shipped, results }, undefined, 2)}\n`);
}

async function benchModel(
  model: string,
  root: string,
  options: WebGpuBenchOptions,
  shell: Shell,
): Promise<ModelResult> {
  const folder = path.join(root, model);
  mkdirSync(folder, { recursive: true });
  shell.status(`${model}: compiling`);
  const ours = path.join(folder, "webgpu");
  await compileArtifact(model, ours, { level: "2", target: "webgpu" }, shell.signal);
  const { inputSize } = await resolve({ model });
  const shape = [1, ...inputSize];
  writeFileSync(path.join(folder, "input.bin"), syntheticInput(shape));
  const onnx = path.join(folder, "onnx");
  const file = await compileArtifact(model, onnx, { level: "2", batch: 1 }, shell.signal);
  const bare = path.join(folder, "bare");
  const structure = await compileArtifact(model, bare, { level: "2", batch: 1, weights: "none" }, shell.signal);
  const onnxBytes = gzipped([structure]);
  shell.status(`${model}: running`);
  const out = path.join(import.meta.dirname, "..");
  const modules = path.join(out, "../..");
  const served = await serve(
    { bench: path.join(out, "bench"), src: path.join(out, "src"), node_modules: modules, models: root },
    "/bench/webgpu/page.js",
  );
  const browser = await launch(options);
  try {
    const page = await browser.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") shell.log(`${model}: ${message.text()}`);
    });
    await page.goto(served.address);
    await page.waitForFunction("globalThis.measure !== undefined");
    const request: PageRequest = {
      artifact: `/models/${model}/webgpu`,
      onnx: `/models/${model}/onnx/${path.basename(file)}`,
      input: `/models/${model}/input.bin`,
      shape,
      rounds: options.runs,
    };
    const result = (await page.evaluate(`measure(${JSON.stringify(request)})`)) as PageResult;
    const ratio = estimate(quotients(result.ours.runs, result.ort.runs));
    return {
      model,
      codeBytes: gzipped(codeFiles.map((name) => path.join(ours, name))),
      weightBytes: statSync(path.join(ours, "weights.bin")).size,
      onnxBytes,
      ratio,
      ...result,
    };
  } finally {
    await browser.close();
    served.close();
  }
}

/** SwiftShader needs no GPU; with --gpu the browser's own adapter. */
const swiftShader = ["--use-webgpu-adapter=swiftshader", "--use-vulkan=swiftshader", "--use-angle=swiftshader"];

const launch = ({ browser, gpu }: WebGpuBenchOptions): Promise<Browser> =>
  chromium.launch({
    executablePath: browser,
    headless: true,
    args: [
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      "--enable-features=Vulkan",
      ...(gpu === true ? [] : swiftShader),
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

interface Shipped {
  readonly ours: number;
  readonly ort: number;
}

/** What a page loads of our artifact beside the weights. */
const codeFiles = ["index.js", "model.wgsl.js", "plan.json"];

const gzipped = (files: readonly string[]): number =>
  files.reduce((sum, file) => sum + gzipSync(readFileSync(file), { level: 9 }).length, 0);

/** Bytes of both runtimes, gzipped: our modules as they are compiled, not minified, and what onnxruntime-web loads for WebGPU. */
function runtimeBytes(): Shipped {
  const out = path.join(import.meta.dirname, "..");
  const runtime = path.join(out, "src/runtime/webgpu");
  const modules = readdirSync(runtime).filter((name) => name.endsWith(".js"));
  const dist = path.join(out, "../../onnxruntime-web/dist");
  const names = ["ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"];
  return {
    ours: gzipped([...modules.map((name) => path.join(runtime, name)), path.join(out, "src/runtime/order.js")]),
    ort: gzipped(names.map((name) => path.join(dist, name))),
  };
}

const right = (title: string) => ({ title, align: "right" }) as const;
const ms = (x: number): string => x.toFixed(x < 100 ? 1 : 0);

function timeTable(results: readonly ModelResult[]): string[] {
  const mean = geometricMean(results.map(({ ratio }) => ratio.median));
  return [
    ...table(
      [
        { title: "model" },
        ...["ours ms", "ort ms", "ratio", "95 %", "first ours", "first ort"].map(right),
        ...["dispatches", "of ort", "difference"].map(right),
      ],
      results.map(({ model, ours, ort, ratio, differences }) => [
        model,
        ms(median(ours.runs)),
        ms(median(ort.runs)),
        ratio.median.toFixed(3),
        `${ratio.low.toFixed(3)}-${ratio.high.toFixed(3)}`,
        ms(ours.load + ours.first),
        ms(ort.load + ort.first),
        String(ours.dispatches),
        String(ort.dispatches),
        Math.max(...Object.values(differences)).toExponential(1),
      ]),
    ),
    `geometric mean of the ratios: ${mean.toFixed(3)}`,
  ];
}

const kib = (bytes: number): string => (bytes / 1024).toFixed(1);

function byteTable(results: readonly ModelResult[], { ours, ort }: Shipped): string[] {
  return table(
    [{ title: "model" }, ...["runtime KiB", "code KiB", "ort runtime", "onnx KiB", "share"].map(right)],
    results.map(({ model, codeBytes, onnxBytes }) => [
      model,
      kib(ours),
      kib(codeBytes),
      kib(ort),
      kib(onnxBytes),
      `1/${((ort + onnxBytes) / (ours + codeBytes)).toFixed(0)}`,
    ]),
  );
}

/** Our slowest steps. */
function profileTable({ model, profile }: ModelResult): string[] {
  const all = profile.reduce((sum, step) => sum + step.ms, 0);
  const slowest = profile.toSorted((a, b) => b.ms - a.ms).slice(0, 12);
  return table(
    [{ title: model }, right("ms"), right("share")],
    slowest.map(({ name, ms: time }) => [name, time.toFixed(2), `${((100 * time) / all).toFixed(0)} %`]),
  );
}
