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

const made = new Map<string, Promise<string>>();

/**
 * The path of the executable of an artifact folder. It lies in a folder of its own until this process ends, and the same sources
 * are compiled once. Throws `dependency` with the compiler's own words, and `interrupted`.
 */
export function compileCuda(folder: string, options: CompileOptions): Promise<string> {
  const command = [options.compiler, ...argumentsOf(folder, options)];
  const hash = createHash("sha256").update(JSON.stringify([options.place, command.slice(0, 1), options.flags ?? []]));
  for (const name of sources) hash.update(readSource(join(folder, name))).update("\0");
  if (options.place === "emulation") hash.update(readSource(join(emulation, "emulation.h")));
  const key = hash.digest("hex");
  const known = made.get(key);
  if (known !== undefined) return known;
  const executable = join(ownFolder(), `${key.slice(0, 16)}${process.platform === "win32" ? ".exe" : ""}`);
  const result = compile([...command, "-o", executable], options.signal).then(() => executable);
  made.set(key, result);
  result.catch(() => made.delete(key));
  return result;
}

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

async function compile([file = "", ...args]: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  const child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"], signal });
  const words = wordsOf(child);
  const code = await endOf(child);
  if (signal?.aborted) throw new TimmcError("interrupted", "stopped while the kernels were compiled");
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
