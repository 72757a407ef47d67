import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/** What ptxas says of one kernel. */
export interface KernelFacts {
  readonly name: string;
  readonly registers: number;
  /** Bytes of the workgroup's memory. */
  readonly shared: number;
  /** Bytes that do not fit into registers: stores and loads. */
  readonly spilled: number;
}

/** Compiles model.cu of a folder to a cubin for one architecture, such as 80, and gives ptxas's facts of its kernels. */
export async function compileCubin(nvcc: string, folder: string, architecture: number): Promise<KernelFacts[]> {
  const cubin = join(folder, `sm_${architecture}.cubin`);
  const args = ["-cubin", "-O3", "-std=c++17", `-arch=sm_${architecture}`, "-Xptxas", "-v"];
  const { stderr } = await promisify(execFile)(nvcc, [...args, join(folder, "model.cu"), "-o", cubin], {
    maxBuffer: 2 ** 26,
  });
  return parsePtxas(stderr);
}

/**
 * The report of `ptxas -v`: of each kernel a line with its mangled name, one with its stack and spills, and one with registers and
 * memory. Throws RangeError where the lines are not as expected.
 */
export function parsePtxas(text: string): KernelFacts[] {
  const parts = text.split(/Compiling entry function '/).slice(1);
  return parts.map((part) => {
    const mangled = part.slice(0, part.indexOf("'"));
    const name = /\d(k\d+)E/.exec(mangled)?.[1] ?? mangled;
    const spills = /(\d+) bytes spill stores, (\d+) bytes spill loads/.exec(part);
    const registers = /Used (\d+) registers/.exec(part);
    if (spills === null || registers === null) throw new RangeError(`ptxas says nothing of ${name}: ${part}`);
    return {
      name,
      registers: Number(registers[1]),
      shared: Number(/(\d+) bytes smem/.exec(part)?.[1] ?? 0),
      spilled: Number(spills[1]) + Number(spills[2]),
    };
  });
}
