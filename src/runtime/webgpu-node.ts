import { createReadStream, existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { codeOf, messageLineOf } from "../ir/caught.ts";
import { TimmcError } from "../ir/error.ts";
import type { NpyArray } from "./npy.ts";
import { readBounded } from "./read-file.ts";
import type { RuntimeFacts, Session } from "./session.ts";
import { shadersOf } from "./webgpu-shaders.ts";
import {
  type Data,
  type ElementType,
  type Model,
  type Values,
  WebGpuError,
  checkPlan,
  loadModel,
} from "./webgpu/index.ts";

/** The files of a WebGPU artifact. */
interface WebGpuFiles {
  readonly plan: string;
  readonly shaders: string;
  readonly weights: string;
}

/** The package webgpu, Dawn for Node, behind the few calls that timmc makes. */
interface WebGpuRuntime {
  readonly facts: RuntimeFacts;
  /** Loads a model. Throws `io` for damaged files and `unsupported` for what the device does not take. */
  open(files: WebGpuFiles): Promise<Session>;
}

/** Plans and shaders are far smaller. */
const maxTextBytes = 64 * 2 ** 20;

/** Where Debian's chromium has a Vulkan driver that runs on the processor. */
const softwareDriver = "/usr/lib/chromium/vk_swiftshader_icd.json";

/**
 * Loads the package webgpu, an optional one, and looks for an adapter; without a graphics driver it takes SwiftShader where
 * Debian's chromium has brought it. Throws `dependency` with how to install the package, `unsupported` where there is no adapter.
 */
export async function loadWebGpu(): Promise<WebGpuRuntime> {
  const { gpu, facts } = await findGpu();
  return { facts, open: (files) => open(gpu, files) };
}

interface FoundGpu {
  readonly gpu: GPU;
  readonly facts: RuntimeFacts;
}

/** Kept: a device of Dawn's crashes when what it comes from is collected before it. */
let known: Promise<FoundGpu> | undefined;

/** What gives adapters in Node, of which it has at least one; the same each time. Throws as `loadWebGpu`. */
export async function findGpu(): Promise<FoundGpu> {
  known ??= lookForGpu();
  try {
    return await known;
  } catch (error) {
    known = undefined;
    throw error;
  }
}

async function lookForGpu(): Promise<FoundGpu> {
  const { create, globals, version } = await importWebGpu();
  Object.assign(globalThis, globals);
  // Drivers of processors ask for it, and say so on stderr where it is missing.
  process.env["XDG_RUNTIME_DIR"] ??= "/tmp";
  const found = (hasDriver() ? await adapterOf(create([])) : undefined) ?? (await softwareAdapter(create));
  if (found === undefined)
    throw new TimmcError("unsupported", "there is no WebGPU adapter on this machine: it has no graphics driver", {
      hint:
        "Install a Vulkan driver. Without a graphics card, apt-get install libvulkan1 chromium brings one for the processor: " +
        `VK_ICD_FILENAMES=${softwareDriver}`,
    });
  return { gpu: found.gpu, facts: { name: "webgpu", version, device: found.device } };
}

interface Found {
  readonly gpu: GPU;
  readonly device: string;
}

async function adapterOf(gpu: GPU): Promise<Found | undefined> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) return undefined;
  const { vendor, architecture, description, device } = adapter.info;
  return { gpu, device: [description || device, architecture || vendor].filter((text) => text !== "").join(", ") };
}

/** Where Vulkan finds drivers on Linux. Looking for an adapter without any makes it complain on stderr. */
const driverFolders = ["/etc", "/usr/share", "/usr/local/share", "/usr/local/etc"].map((at) => `${at}/vulkan/icd.d`);

const hasDriver = (): boolean =>
  process.platform !== "linux" ||
  Object.keys(process.env).some((name) => name.startsWith("VK_")) ||
  driverFolders.some((folder) => existsSync(folder) && readdirSync(folder).length > 0);

/** Vulkan reads the variable whenever an instance is made; one that the user has set stays. */
async function softwareAdapter(create: Dawn["create"]): Promise<Found | undefined> {
  if (process.env["VK_ICD_FILENAMES"] !== undefined || !existsSync(softwareDriver)) return undefined;
  process.env["VK_ICD_FILENAMES"] = softwareDriver;
  return adapterOf(create([]));
}

/** What timmc uses of the package. */
interface Dawn {
  create(flags: string[]): GPU;
  readonly globals: object;
  readonly version: string;
}

async function importWebGpu(): Promise<Dawn> {
  try {
    const dawn = await import("webgpu");
    return { create: dawn.create, globals: dawn.globals, version: packageVersion() };
  } catch (cause) {
    const missing = codeOf(cause) === "ERR_MODULE_NOT_FOUND" && messageLineOf(cause).includes("'webgpu'");
    throw new TimmcError(
      "dependency",
      missing
        ? "running a WebGPU artifact in Node needs the optional package webgpu, which is not installed"
        : `the package webgpu does not load on this system: ${messageLineOf(cause)}`,
      { hint: "Install it beside timmc: npm install webgpu", cause },
    );
  }
}

/** Its module does not say. */
function packageVersion(): string {
  const found: unknown = createRequire(import.meta.url)("webgpu/package.json");
  return typeof found === "object" && found !== null && "version" in found ? String(found.version) : "";
}

async function open(gpu: GPU, files: WebGpuFiles): Promise<Session> {
  const shaders = shadersOf(text(files.shaders));
  if (shaders === undefined) throw damaged(files.shaders, "this is no module of shaders");
  const { plan, model } = await refused(files.plan, "load", async () => {
    const plan = checkPlan(parsed(files.plan), shaders);
    const weights = Readable.toWeb(createReadStream(files.weights)) as ReadableStream<Uint8Array>;
    return { plan, model: await loadModel({ plan, shaders, weights, gpu }) };
  });
  return {
    run: async (input) => {
      const outputs = await refused(files.plan, "run", () => model.run(valuesOf(input)));
      const types = new Map(plan.outputs.map(({ name, dtype }) => [name, dtype]));
      return new Map(Object.entries(outputs).map(([name, values]) => [name, arrayOf(types.get(name), values)]));
    },
    profile: (input) => refused(files.plan, "run", () => model.profile(valuesOf(input))),
    close: () => closed(model),
  };
}

const text = (path: string): string => new TextDecoder().decode(readBounded(path, maxTextBytes));

function parsed(path: string): unknown {
  try {
    return JSON.parse(text(path)) as unknown;
  } catch (error) {
    if (error instanceof TimmcError) throw error;
    throw damaged(path, `this is not JSON (${messageLineOf(error)})`);
  }
}

const damaged = (path: string, what: string, cause?: unknown): TimmcError =>
  new TimmcError("io", `the artifact is damaged: ${what}`, { trail: [path], hint: "Compile the model again.", cause });

/** What the runtime refuses, as an error of timmc's. */
async function refused<T>(path: string, what: "load" | "run", body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    if (!(cause instanceof WebGpuError)) throw cause;
    if (cause.code === "artifact") throw damaged(path, cause.message, cause);
    throw new TimmcError(
      cause.code === "input" ? "usage" : "unsupported",
      `WebGPU does not ${what} the model: ${cause.message}`,
      {
        trail: [path],
        cause,
      },
    );
  }
}

function valuesOf({ dtype, shape, data }: NpyArray): Values {
  if (dtype === "f64" || dtype === "f16" || dtype === "i64")
    throw new TimmcError("usage", `the WebGPU runtime takes no ${dtype}`);
  return { dims: shape, data };
}

function arrayOf(dtype: ElementType | undefined, { dims, data }: Values): NpyArray {
  const as = <T extends Data>(array: new (...args: never) => T): T => {
    if (data instanceof array) return data;
    throw new TimmcError("invalid-ir", `an output of type ${String(dtype)} came as ${data.constructor.name}`);
  };
  switch (dtype) {
    case "i32":
      return { dtype, shape: dims, data: as(Int32Array) };
    case "u8":
    case "bool":
      return { dtype, shape: dims, data: as(Uint8Array) };
    case "i8":
      return { dtype, shape: dims, data: as(Int8Array) };
    default:
      return { dtype: "f32", shape: dims, data: as(Float32Array) };
  }
}

async function closed(model: Model): Promise<void> {
  model.dispose();
  await model.device.lost;
}
