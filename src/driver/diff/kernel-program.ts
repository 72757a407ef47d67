import { createHash } from "node:crypto";
import { join } from "node:path";
import { weightFile } from "../../backends/kernel/write-kernels.ts";
import { TimmcError } from "../../ir/error.ts";
import { readBounded } from "../../runtime/read-file.ts";
import { type Plan, WebGpuError, checkPlan } from "../../runtime/webgpu/index.ts";
import { shadersOf } from "../../runtime/webgpu-shaders.ts";
import type { Artifact } from "../artifact.ts";
import { byName, changesOf, fieldChanges } from "./changes.ts";
import type { KernelDiff } from "./report.ts";
import type { TensorPlace } from "./tensor-change.ts";

/** What an artifact of kernels runs, in order. */
interface KernelProgram {
  readonly steps: ReadonlyMap<string, Step>;
  /** What the steps read of the weight file, under the name of the first that does. */
  readonly weights: ReadonlyMap<string, TensorPlace>;
}

interface Step {
  readonly name: string;
  /** A hash of the kernel's text. */
  readonly kernel: string;
  readonly grid: readonly number[];
  readonly bindings: readonly Binding[];
}

type Binding = readonly [memory: "weights" | "arena", offset: number, bytes: number];

/** Plans and kernels are far smaller. */
const maxTextBytes = 64 * 2 ** 20;

/** Reads the small files of an artifact that loaded. Throws `io` for what is not as timmc writes it. */
export function readKernelProgram(artifact: Artifact): KernelProgram {
  const { target } = artifact.manifest;
  const steps = byName(target.name === "webgpu" ? webgpuSteps(artifact) : cudaSteps(artifact), ({ name }) => name);
  return { steps, weights: weightPlaces(artifact, steps) };
}

/** The bytes are numbers of 32 bits where the artifact keeps no halves; else nothing in its files says which are. */
function weightPlaces({ folder, manifest }: Artifact, steps: ReadonlyMap<string, Step>): Map<string, TensorPlace> {
  const size = manifest.files.find((file) => file.path === weightFile)?.bytes;
  const whole = "precision" in manifest.target && manifest.target.precision === "fp32";
  const seen = new Set<string>();
  const places = new Map<string, TensorPlace>();
  for (const [name, { bindings }] of steps)
    for (const [index, [memory, offset, bytes]] of bindings.entries()) {
      if (memory !== "weights" || seen.has(`${offset} ${bytes}`)) continue;
      if (size !== undefined && offset + bytes > size) throw damaged(folder, `${name} reads behind ${weightFile}`);
      seen.add(`${offset} ${bytes}`);
      const isNumbers = whole && bytes % 4 === 0;
      places.set(`${name} argument ${index}`, {
        path: join(folder, weightFile),
        offset,
        bytes,
        elements: isNumbers ? bytes / 4 : bytes,
        dtype: isNumbers ? "f32" : null,
      });
    }
  return places;
}

const damaged = (place: string, what: string, cause?: unknown): TimmcError =>
  new TimmcError("io", `the artifact is damaged: ${what}`, { trail: [place], hint: "Compile the model again.", cause });

const textOf = (path: string): string => new TextDecoder().decode(readBounded(path, maxTextBytes));
const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");

function webgpuSteps({ folder }: Artifact): Step[] {
  const [planPath, shaderPath] = [join(folder, "plan.json"), join(folder, "model.wgsl.js")];
  const shaders = shadersOf(textOf(shaderPath));
  if (shaders === undefined) throw damaged(shaderPath, "this is no list of shaders");
  const hashes = shaders.map(hashOf);
  return planOf(planPath, shaders).steps.map(({ name, shader, grid, bindings }) => ({
    name,
    kernel: hashes[shader] ?? "",
    grid,
    bindings: bindings.map(([memory, offset, bytes]) => [memory === 0 ? "weights" : "arena", offset, bytes]),
  }));
}

function planOf(path: string, shaders: readonly string[]): Plan {
  try {
    return checkPlan(JSON.parse(textOf(path)), shaders);
  } catch (error) {
    if (error instanceof WebGpuError || error instanceof SyntaxError) throw damaged(path, error.message, error);
    throw error;
  }
}

const rowPattern = /^ {2}\{"((?:[^"\\]|\\\d{3})*)", launch<(k\d+), (\d+)>, \{([\d, ]+)\}, \d+, \{([^{}]*)\}\},$/;

function cudaSteps({ folder }: Artifact): Step[] {
  const path = join(folder, "model.cu");
  const lines = textOf(path).split("\n");
  const kernels = kernelHashes(lines);
  const from = lines.indexOf("const Step steps[] = {");
  const to = lines.indexOf("};", from);
  if (from < 0 || to < 0) throw damaged(path, "there is no table of steps");
  return lines.slice(from + 1, to).map((line, i) => {
    const [, name = "", kernel = "", threads = "", grid = "", bindings = ""] = rowPattern.exec(line) ?? [];
    const text = kernels.get(kernel);
    if (text === undefined) throw damaged(path, `line ${from + i + 2} is no step of a known kernel`);
    return {
      name: unquoted(name),
      kernel: `${text} ${threads}`,
      grid: grid.split(", ").map(Number),
      bindings: [...bindings.matchAll(/([wa])\((\d+), (\d+)\)/g)].map(([, memory, offset, bytes]): Binding => [
        memory === "w" ? "weights" : "arena",
        Number(offset),
        Number(bytes),
      ]),
    };
  });
}

/** By the kernels' names, which are none of their texts: a kernel is the same under another number. */
function kernelHashes(lines: readonly string[]): Map<string, string> {
  const hashes = new Map<string, string>();
  let begun: { readonly name: string; readonly text: string[] } | undefined;
  for (const line of lines) {
    const head = line.startsWith("__global__ ") ? /\b(k\d+)\(/.exec(line) : null;
    if (head?.[1] !== undefined) begun = { name: head[1], text: [line.replace(head[0], "k(")] };
    else begun?.text.push(line);
    if (line === "}" && begun !== undefined) {
      hashes.set(begun.name, hashOf(begun.text.join("\n")));
      begun = undefined;
    }
  }
  return hashes;
}

/** The text that a C string of plain letters and codes of three digits stands for. */
const unquoted = (text: string): string =>
  Buffer.from(
    text.replaceAll(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))),
    "latin1",
  ).toString();

/** Two programs of one target, step by step. */
export function kernelDiff(a: KernelProgram, b: KernelProgram): KernelDiff {
  const texts = ({ steps }: KernelProgram): Set<string> => new Set([...steps.values()].map(({ kernel }) => kernel));
  const [one, other] = [texts(a), texts(b)];
  const lacks = (set: ReadonlySet<string>, without: ReadonlySet<string>): number =>
    [...set].filter((text) => !without.has(text)).length;
  return {
    steps: changesOf(
      a.steps,
      b.steps,
      (name) => ({ name }),
      (name, x, y) => {
        const changes = fieldChanges(fieldsOf(x), fieldsOf(y));
        return changes.length === 0 ? undefined : { name, changes };
      },
    ),
    kernels: { removed: lacks(one, other), added: lacks(other, one), equal: one.size - lacks(one, other) },
  };
}

const fieldsOf = ({ kernel, grid, bindings }: Step): unknown => ({
  kernel: kernel.slice(0, 12),
  grid,
  memory: bindings,
});
