import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { TimmcError } from "../../ir/error.ts";

/** Where kernels run: on a CUDA device, or on the host's processor by timmc's emulation of one. */
export type Place = "device" | "emulation";

/** What an executable is made of; emulation.h lies with the package. */
const sources = ["model.cu", "model.h", "main.cpp"] as const;
const emulation = fileURLToPath(new URL("../../../data/cuda/", import.meta.url));

/** nvcc: where CUDACXX says, in the PATH, or where CUDA is installed. */
export const findNvcc = (): string | undefined =>
  find(
    [process.env["CUDACXX"], "nvcc"],
    [process.env["CUDA_HOME"], process.env["CUDA_PATH"], "/usr/local/cuda"].flatMap((root) =>
      root === undefined || root === "" ? [] : [join(root, "bin")],
    ),
  );

/** A C++ compiler of the host: where CXX says, or in the PATH. */
export const findHostCompiler = (): string | undefined => find([process.env["CXX"], "g++", "clang++", "c++"], []);

function find(names: readonly (string | undefined)[], more: readonly string[]): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...more].filter((folder) => folder !== "");
  const endings = process.platform === "win32" ? [".exe", ""] : [""];
  for (const name of names) {
    if (name === undefined || name === "") continue;
    const places = /[\\/]/.test(name) ? [name] : folders.map((folder) => join(folder, name));
    const found = places.flatMap((place) => endings.map((end) => place + end)).find((place) => existsSync(place));
    if (found !== undefined) return found;
  }
  return undefined;
}

interface CompileOptions {
  readonly compiler: string;
  readonly place: Place;
  /** More arguments of the compiler. */
  readonly flags?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A compilation that has begun, and those who wait for it: it stops when none is left. */
interface Making {
  readonly executable: Promise<string>;
  readonly stop: AbortController;
  waiting: number;
}

const made = new Map<string, Making>();
let compilations = 0;

/**
 * The path of the executable of an artifact folder. It lies in a folder of its own until this process ends, and the same sources
 * are compiled once, also for callers that come while they are compiled. Throws `dependency` with the compiler's own words, and
 * `interrupted` to the caller whose signal it was.
 */
export async function compileCuda(folder: string, options: CompileOptions): Promise<string> {
  const command = [options.compiler, ...argumentsOf(folder, options)];
  const hash = createHash("sha256").update(JSON.stringify([options.place, command.slice(0, 1), options.flags ?? []]));
  for (const name of sources) hash.update(readSource(join(folder, name))).update("\0");
  if (options.place === "emulation") hash.update(readSource(join(emulation, "emulation.h")));
  const key = hash.digest("hex");
  const making = made.get(key) ?? begin(key, command);
  making.waiting++;
  const done = new AbortController();
  try {
    return await Promise.race([making.executable, interruption(options.signal, done.signal)]);
  } finally {
    done.abort();
    making.waiting--;
    if (options.signal?.aborted && making.waiting === 0) await abandon(key, making);
  }
}

function begin(key: string, command: readonly string[]): Making {
  // Another name for each compilation: one that was stopped may still be at its own.
  const name = `${key.slice(0, 16)}-${compilations++}${process.platform === "win32" ? ".exe" : ""}`;
  const path = join(ownFolder(), name);
  const stop = new AbortController();
  const making = { executable: compile([...command, "-o", path], stop.signal).then(() => path), stop, waiting: 0 };
  made.set(key, making);
  making.executable.catch(() => forget(key, making));
  return making;
}

function forget(key: string, making: Making): void {
  if (made.get(key) === making) made.delete(key);
}

/** Stops what nobody waits for any more; where it has just ended, it is compiled again for the next caller. */
async function abandon(key: string, making: Making): Promise<void> {
  forget(key, making);
  making.stop.abort();
  await making.executable.catch(() => undefined);
}

/** Never resolves; throws `interrupted` when the signal comes before `done` does. */
const interruption = (signal: AbortSignal | undefined, done: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = (): void => reject(interrupted());
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true, signal: done });
  });

const interrupted = (): TimmcError => new TimmcError("interrupted", "stopped while the kernels were compiled");

function readSource(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new TimmcError("io", `${path} is missing`, { hint: "Compile the model again with --target cuda.", cause });
  }
}

/** Paths that begin with a dash would be options. */
const asPath = (path: string): string => (path.startsWith("-") ? `./${path}` : path);

function argumentsOf(folder: string, { place, flags = [] }: CompileOptions): string[] {
  const [model, main] = [asPath(join(folder, "model.cu")), asPath(join(folder, "main.cpp"))];
  if (place === "device") return ["-O3", "-std=c++17", "-arch=native", ...flags, model, main];
  const general = ["-std=c++17", "-O2", "-march=native", "-fno-strict-aliasing", "-pthread", "-w"];
  return [...general, "-DTIMMC_EMULATION", "-I", emulation, "-I", asPath(folder), ...flags, "-x", "c++", model, main];
}

let folderOfProcess: string | undefined;

/** A folder that goes when the process ends. */
function ownFolder(): string {
  if (folderOfProcess !== undefined) return folderOfProcess;
  const folder = mkdtempSync(join(tmpdir(), "timmc-cuda-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  folderOfProcess = folder;
  return folder;
}

async function compile([file = "", ...args]: readonly string[], signal: AbortSignal): Promise<void> {
  const child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"], signal });
  const words = wordsOf(child);
  const code = await endOf(child);
  if (signal.aborted) throw interrupted();
  if (code === 0) return;
  throw new TimmcError("dependency", `${file} does not compile the model: ${words() || `it ended with ${code}`}`, {
    hint: "Compile the model again, in case its files were changed; CUDA 11.8 or newer, or a C++17 compiler, is needed.",
  });
}

/** What a child says on its error stream, so far; of a compiler the first error is what counts. */
export function wordsOf(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (more: string) => {
    text = (text + more).slice(0, 2000);
  });
  return () => text.trim();
}

/** The exit code or signal of a child; why it could not be started. */
export const endOf = (child: ChildProcess): Promise<number | string> =>
  new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code ?? signal ?? "no code"));
  });
