import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { cudaTextNames } from "../../../src/backends/cuda/emit.ts";
import { findHostCompiler, findNvcc } from "../../../src/runtime/cuda/compile.ts";
import { formatNpy } from "../../../src/runtime/npy.ts";
import { compileTiny, temporaryFolder } from "../../driver/workspace.ts";

const at = temporaryFolder();
const emulation = fileURLToPath(new URL("../../../data/cuda/", import.meta.url));
const hostFlags = ["-pthread", "-fno-strict-aliasing", "-DTIMMC_EMULATION", "-I", emulation];
const strict = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

const request = { target: "cuda", taps: ["logits", "features.1"], inputSize: [3, 32, 32] } as const;

beforeAll(async () => {
  await compileTiny(at("model"), request);
});

/** Runs a program in the artifact's folder. */
const run = (file: string, ...args: readonly string[]): { status: number | null; said: string; printed: string } => {
  const { status, stderr, stdout, error } = spawnSync(file, args, { cwd: at("model"), encoding: "utf8" });
  if (error !== undefined) throw error;
  return { status, said: stderr, printed: stdout };
};
const worked = { status: 0, said: "", printed: "" };

const isInstalled = (program: string): boolean => spawnSync(program, ["--version"]).error === undefined;
const nvcc = findNvcc();
const cxx = findHostCompiler() ?? "g++";

it("the same model gives the same files", async () => {
  await compileTiny(at("again"), request);
  for (const name of [...cudaTextNames, "weights.bin"])
    expect(readFileSync(join(at("again"), name)).equals(readFileSync(join(at("model"), name))), name).toBe(true);
});

it("kernels that run several times are there once", () => {
  const text = readFileSync(join(at("model"), "model.cu"), "utf8");
  const kernels = [...text.matchAll(/^__global__ [^\n]* k\d+\(([^]*?)^}/gm)].map(([, body]) => body);
  expect(kernels.length).toBeGreaterThan(5);
  expect(new Set(kernels).size).toBe(kernels.length);
});

describe("the C interface", () => {
  it("is C11 and C++17, and does what it says when it is called from C", { timeout: 120_000 }, () => {
    copyFileSync(join(import.meta.dirname, "api.c"), join(at("model"), "api.c"));
    expect(run("gcc", "-std=c11", ...strict, "-c", "api.c", "-o", "api.o")).toEqual(worked);
    writeFileSync(join(at("model"), "api.cpp"), '#include "model.h"\n');
    expect(run(cxx, "-std=c++17", ...strict, "-c", "api.cpp", "-o", "unused.o")).toEqual(worked);
    expect(
      run(cxx, "-std=c++17", "-O1", ...strict, ...hostFlags, "-x", "c++", "-c", "model.cu", "-o", "model.o"),
    ).toEqual(worked);
    expect(run(cxx, "api.o", "model.o", "-pthread", "-o", "api")).toEqual(worked);
    expect(run("./api", "weights.bin")).toEqual(worked);
  });

  it("takes calls of several threads at once", { timeout: 240_000 }, () => {
    copyFileSync(join(import.meta.dirname, "threads.cpp"), join(at("model"), "threads.cpp"));
    const build = (...flags: readonly string[]): unknown =>
      run(cxx, "-std=c++17", "-O1", ...hostFlags, ...flags, "-x", "c++", "model.cu", "threads.cpp", "-o", "threads");
    expect(build()).toEqual(worked);
    expect(run("./threads", "weights.bin")).toEqual(worked);
    expect(build("-DTIMMC_EMULATION_THREADS", "-fsanitize=thread")).toEqual(worked);
    expect(run("./threads", "weights.bin")).toEqual(worked);
  });

  it("waits for what a device does late, and leaves the thread's device alone", { timeout: 240_000 }, () => {
    copyFileSync(join(import.meta.dirname, "late.cpp"), join(at("model"), "late.cpp"));
    const files = ["-x", "c++", "model.cu", "late.cpp", "-o", "late"];
    expect(run(cxx, "-std=c++17", "-O1", ...strict, ...hostFlags, "-DTIMMC_EMULATION_LATE", ...files)).toEqual(worked);
    expect(run("./late", "weights.bin")).toEqual(worked);
  });

  it("has names of its own under a prefix", () => {
    writeFileSync(
      join(at("model"), "prefix.c"),
      '#include "model.h"\nint f(void) { return timmc_output_index(""); }\n',
    );
    expect(run("gcc", "-std=c11", ...strict, "-DTIMMC_PREFIX=tiny", "-S", "prefix.c", "-o", "prefix.s")).toEqual(
      worked,
    );
    const text = readFileSync(join(at("model"), "prefix.s"), "utf8");
    expect(text).toContain("tiny_output_index");
    expect(text).not.toContain("timmc_output_index");
  });
});

describe("the program", () => {
  beforeAll(() => {
    const files = ["-x", "c++", "model.cu", "main.cpp", "-o", "program"];
    expect(run(cxx, "-std=c++17", "-O1", ...strict, ...hostFlags, ...files)).toEqual(worked);
  }, 120_000);

  it("refuses what it does not understand", () => {
    for (const [args, text] of [
      [["--foo"], "there is no option --foo"],
      [["--time"], "--time needs a value"],
      [["--time", "0"], "--time takes a number from 1, not 0"],
      [["--time", "1.5"], "--time takes a whole number, not 1.5"],
      [["--tolerance", "much"], "--tolerance takes a number from 0, not much"],
      [["--input", "a.npy", "--input", "b.npy"], "the model has 1 input(s), not 2"],
      [["--pipe", "--time", "3"], "--pipe goes with --weights and --device only"],
    ] as const) {
      const { status, said } = run("./program", ...args);
      expect(said).toContain(text);
      expect(status).toBe(2);
    }
  });

  it("refuses files that are not the model's", () => {
    const npy = (name: string, shape: readonly number[], dtype: "f32" | "i32" = "f32"): string => {
      const length = shape.reduce((a, b) => a * b, 1);
      const array =
        dtype === "f32"
          ? { dtype, shape, data: new Float32Array(length) }
          : { dtype, shape, data: new Int32Array(length) };
      writeFileSync(join(at("model"), name), formatNpy(array));
      return name;
    };
    for (const [args, text] of [
      [["--input", "nothing.npy"], "cannot open nothing.npy"],
      [["--input", npy("small.npy", [1, 3, 16, 16])], "small.npy has to have the shape (1, 3, 32, 32) of input"],
      [["--input", npy("whole.npy", [1, 3, 32, 32], "i32")], "whole.npy has to hold 32-bit floats"],
      [["--input", "model.h"], "bytes of elements; input (1, 3, 32, 32) has 12288"],
      [["--weights", "model.h"], "bytes, this model's weights have"],
      [["--device", "7"], "there is no device 7: there are 1"],
      [["--verify", "."], ". has none of the outputs; the first is logits.npy"],
      [["--save", "nowhere"], "cannot write nowhere/logits.npy"],
    ] as const) {
      const { status, said } = run("./program", ...args);
      expect(said).toContain(text);
      expect(status).toBe(1);
    }
  });

  it("saves, verifies and times", () => {
    expect(run("./program", "--save", ".")).toEqual(worked);
    const { status, printed } = run("./program", "--verify", ".", "--time", "3");
    expect(printed).toMatch(
      /ok {3}logits: .*\nok {3}features.1: .*\n2 of 2 outputs compared, 0 failed\nmedian .* of 3 runs/,
    );
    expect(status).toBe(0);
    const logits = readFileSync(join(at("model"), "logits.npy"));
    logits.writeFloatLE(1e3, logits.length - 4);
    writeFileSync(join(at("model"), "logits.npy"), logits);
    const changed = run("./program", "--verify", ".");
    expect(changed.printed).toMatch(/FAIL logits.*\nok {3}features.1.*\n2 of 2 outputs compared, 1 failed/);
    expect(changed.status).toBe(1);
  });

  it("compares numbers that are all the same, whose deviation is zero", () => {
    // Without weights all is zero.
    writeFileSync(join(at("model"), "zeros.bin"), Buffer.alloc(readFileSync(join(at("model"), "weights.bin")).length));
    mkdirSync(join(at("model"), "constant"));
    const compared = (expected: number): string => {
      const data = new Float32Array(1000).fill(expected);
      writeFileSync(join(at("model"), "constant/logits.npy"), formatNpy({ dtype: "f32", shape: [1, 1000], data }));
      return run("./program", "--weights", "zeros.bin", "--verify", "constant").printed;
    };
    expect(compared(0)).toMatch(/^ok {3}logits: largest error 0,/);
    expect(compared(1e-38)).toMatch(/^ok {3}logits: largest error 1e-38,/);
    expect(compared(1e-20)).toMatch(/^FAIL logits: /);
    expect(compared(3)).toMatch(/^FAIL logits: /);
  });
});

describe("CMake", () => {
  it.skipIf(!isInstalled("cmake"))("configures, or says that there is no CUDA compiler", { timeout: 120_000 }, () => {
    const { status, said } = run("cmake", "-S", ".", "-B", "build");
    if (nvcc === undefined) expect(said).toContain("no CUDA compiler: install the CUDA toolkit");
    else expect({ status, said }).toEqual({ status: 0, said: "" });
  });

  it.skipIf(nvcc === undefined)(
    "nvcc has no warnings, and without a driver the program says so",
    { timeout: 240_000 },
    () => {
      const compiled = run(
        nvcc ?? "",
        "-std=c++17",
        "-Werror=all-warnings",
        "-arch=sm_80",
        "model.cu",
        "main.cpp",
        "-o",
        "gpu",
      );
      expect(compiled).toEqual(worked);
      const { status, said } = run("./gpu");
      if (status !== 0) {
        expect(said).toContain("no CUDA device runs this model");
        expect(status).toBe(3);
      }
    },
  );
});
