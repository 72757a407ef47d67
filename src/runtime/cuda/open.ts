import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TimmcError } from "../../ir/error.ts";
import type { NpyArray } from "../npy.ts";
import type { Session } from "../session.ts";
import { type Place, compileCuda, endOf, findHostCompiler, findNvcc } from "./compile.ts";
import type { CudaTensor } from "./description.ts";
import { CudaProcess } from "./process.ts";

interface CudaOptions {
  /** Where to run; without it on a device where there is one and nvcc too, else under emulation. */
  readonly place?: Place | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Says what is being done. */
  readonly progress?: ((text: string) => void) | undefined;
  /** Is told when the model runs under emulation, and why. */
  readonly notice?: ((text: string) => void) | undefined;
}

/** A model of a CUDA artifact. */
export interface CudaSession extends Session {
  readonly place: Place;
  /** The name of the CUDA device; "emulation" where there is none. */
  readonly device: string;
}

/**
 * Compiles the model of an artifact folder and starts it as a child process, which lives until `close`: with nvcc for the CUDA
 * device, and else with the host's C++ compiler, to run under emulation on the processor: right, and slow. Throws `dependency`
 * where a compiler is missing, and `unsupported` where the model does not start.
 */
export async function openCuda(folder: string, options: CudaOptions = {}): Promise<CudaSession> {
  const started = await startCuda(folder, options);
  const { process, place } = started;
  const { inputs, outputs, device } = process.description;
  const [input, ...more] = inputs;
  if (input === undefined || more.length > 0) {
    await process.close();
    throw new TimmcError("unsupported", `the model has ${inputs.length} inputs instead of one`, { trail: [folder] });
  }
  return {
    place,
    device,
    run: async (array) => {
      const results = await process.run([requireInput(array, input)]);
      return new Map(
        outputs.map(({ name, shape }, i) => [name, { dtype: "f32", shape, data: results[i] ?? new Float32Array() }]),
      );
    },
    close: () => process.close(),
  };
}

function requireInput(array: NpyArray, { name, shape }: CudaTensor): Float32Array {
  if (array.dtype === "f32" && array.shape.join() === shape.join()) return array.data;
  throw new TimmcError(
    "usage",
    `the input is ${array.dtype} of (${array.shape.join(", ")}); the model takes f32 of (${shape.join(", ")})`,
    { trail: [name] },
  );
}

/** The program of an artifact folder, with any number of inputs. */
export async function startCuda(
  folder: string,
  options: CudaOptions & { readonly flags?: readonly string[] } = {},
): Promise<{ readonly process: CudaProcess; readonly place: Place }> {
  const why = options.place === "emulation" ? undefined : await start(folder, "device", options);
  if (why instanceof CudaProcess) return { process: why, place: "device" };
  if (options.place === "device")
    throw new TimmcError("dependency", `the model cannot run on a CUDA device: ${why ?? ""}`, {
      hint: "Install NVIDIA's driver and the CUDA toolkit (nvcc), or run under emulation.",
    });
  if (why !== undefined) options.notice?.(`kernels run under emulation on the processor: ${why}`);
  const process = await start(folder, "emulation", options);
  if (process instanceof CudaProcess) return { process, place: "emulation" };
  throw new TimmcError("dependency", `kernels cannot run under emulation: ${process}`, {
    hint: "Install g++ (12 or newer) or clang++, or name the compiler in CXX.",
  });
}

/** A running program, or why there is none. */
async function start(
  folder: string,
  place: Place,
  { signal, progress, flags }: CudaOptions & { readonly flags?: readonly string[] },
): Promise<CudaProcess | string> {
  if (place === "device" && !(await hasDevice())) return "there is no CUDA device";
  const compiler = place === "device" ? findNvcc() : findHostCompiler();
  if (compiler === undefined)
    return place === "device" ? "nvcc is not installed" : "there is no C++ compiler: neither g++ nor clang++";
  const weights = join(folder, "weights.bin");
  if (!existsSync(weights))
    throw new TimmcError("weights", "the artifact has no weights", {
      trail: [weights],
      hint: "Compile the model without --weights none.",
    });
  progress?.(`compiling the kernels with ${compiler}`);
  const executable = await compileCuda(folder, { compiler, place, flags, signal });
  const process = await CudaProcess.start(executable, weights);
  return process ?? "the driver finds no CUDA device that the model was compiled for";
}

/** Whether a driver is there with a device that programs may see. */
async function hasDevice(): Promise<boolean> {
  const visible = process.env["CUDA_VISIBLE_DEVICES"];
  if (visible !== undefined && /^\s*(?:-1.*)?$/.test(visible)) return false;
  if (["/dev/nvidiactl", "/dev/dxg"].some((path) => existsSync(path))) return true;
  return (await endOf(spawn("nvidia-smi", ["-L"], { stdio: "ignore" }))) === 0;
}
