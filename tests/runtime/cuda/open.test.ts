import { chmodSync, cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { compileCuda, findHostCompiler } from "../../../src/runtime/cuda/compile.ts";
import { type CudaSession, openCuda } from "../../../src/runtime/cuda/open.ts";
import { CudaProcess } from "../../../src/runtime/cuda/process.ts";
import { compileTiny, refusal, temporaryFolder } from "../../driver/workspace.ts";

const at = temporaryFolder();

const shape = [1, 3, 64, 64];
const image = (seed: number): { dtype: "f32"; shape: number[]; data: Float32Array } => ({
  dtype: "f32",
  shape,
  data: Float32Array.from({ length: 3 * 64 * 64 }, (_, i) => Math.sin(i * 0.01 * seed)),
});

beforeAll(async () => {
  await compileTiny(at("model"), { target: "cuda" });
});

const environment = { ...process.env };
let session: CudaSession | undefined;
afterEach(async () => {
  await session?.close();
  session = undefined;
  process.env = { ...environment };
});

describe("a model under emulation", () => {
  it("says why it is emulated and what is compiled, and once for the same files", { timeout: 120_000 }, async () => {
    process.env["CUDA_VISIBLE_DEVICES"] = "";
    const said: string[] = [];
    const options = { notice: (text: string) => said.push(text), progress: (text: string) => said.push(text) };
    session = await openCuda(at("model"), options);
    expect(said).toEqual([
      "kernels run under emulation on the processor: there is no CUDA device",
      expect.stringMatching(/^compiling the kernels with .*\S$/),
    ]);
    expect([session.place, session.device]).toEqual(["emulation", "emulation"]);
    await session.close();
    cpSync(at("model"), at("copy"), { recursive: true });
    const begin = performance.now();
    session = await openCuda(at("copy"), { place: "emulation" });
    expect(performance.now() - begin).toBeLessThan(1000);
  });

  it("answers runs in the order of their asking", { timeout: 120_000 }, async () => {
    session = await openCuda(at("model"), { place: "emulation" });
    const open = session;
    const together = await Promise.all([1, 2, 3, 1].map((seed) => open.run(image(seed))));
    expect([...(together[0]?.keys() ?? [])]).toEqual(["logits"]);
    expect(together[0]?.get("logits")).toMatchObject({ dtype: "f32", shape: [1, 1000] });
    expect(together[3]).toEqual(together[0]);
    expect(together[1]).not.toEqual(together[0]);
    expect(await session.run(image(2))).toEqual(together[1]);
  });

  it("refuses another input", { timeout: 120_000 }, async () => {
    session = await openCuda(at("model"), { place: "emulation" });
    const small = { dtype: "f32", shape: [1, 3, 2, 2], data: new Float32Array(12) } as const;
    expect(await refusal(session.run(small))).toBe(
      "usage: input: the input is f32 of (1, 3, 2, 2); the model takes f32 of (1, 3, 64, 64)",
    );
  });
});

describe("what cannot run says why", () => {
  it("a model of several inputs, whose program is ended", { timeout: 120_000 }, async () => {
    cpSync(at("model"), at("two"), { recursive: true });
    const line = '{\\"device\\": \\"d\\", \\"inputs\\": [], \\"outputs\\": []}';
    const body = `puts("${line}"); fflush(stdout); while (getchar() != EOF); fclose(fopen(v[2], "w"));`;
    writeFileSync(join(at("two"), "main.cpp"), `#include <cstdio>\nint main(int, char** v) { ${body} }\n`);
    expect(await refusal(openCuda(at("two"), { place: "emulation" }))).toContain(
      "the model has 0 inputs instead of one",
    );
    // Its end empties the file of weights.
    expect(readFileSync(join(at("two"), "weights.bin"))).toHaveLength(0);
  });

  it("no device", async () => {
    process.env["CUDA_VISIBLE_DEVICES"] = "-1";
    expect(await refusal(openCuda(at("model"), { place: "device" }))).toContain(
      "dependency: the model cannot run on a CUDA device: there is no CUDA device\n  Install NVIDIA's driver",
    );
  });

  it("no compiler", async () => {
    process.env["PATH"] = at("nothing");
    delete process.env["CXX"];
    expect(await refusal(openCuda(at("model"), { place: "emulation" }))).toContain(
      "dependency: kernels cannot run under emulation: there is no C++ compiler",
    );
  });

  it("a source that does not compile", { timeout: 120_000 }, async () => {
    cpSync(at("model"), at("broken"), { recursive: true });
    writeFileSync(join(at("broken"), "model.cu"), `#error "this is no model"\n`);
    expect(await refusal(openCuda(at("broken"), { place: "emulation" }))).toMatch(
      /^dependency: .* does not compile the model: [^]*this is no model/,
    );
  });

  it("files that are missing", async () => {
    for (const name of ["weights.bin", "model.cu", "main.cpp"]) {
      cpSync(at("model"), at(`no ${name}`), { recursive: true });
      rmSync(join(at(`no ${name}`), name));
      expect(await refusal(openCuda(at(`no ${name}`), { place: "emulation" }))).toContain(name);
    }
  });

  it("weights of another model", { timeout: 120_000 }, async () => {
    cpSync(at("model"), at("cut"), { recursive: true });
    writeFileSync(join(at("cut"), "weights.bin"), readFileSync(join(at("cut"), "weights.bin")).subarray(16));
    expect(await refusal(openCuda(at("cut"), { place: "emulation" }))).toMatch(
      /^unsupported: the CUDA program ended: .* bytes, this model's weights have \d+/,
    );
  });

  it("a program that ends in the middle of a run", { timeout: 120_000 }, async () => {
    cpSync(at("model"), at("crash"), { recursive: true });
    const text = readFileSync(join(at("crash"), "model.cu"), "utf8");
    writeFileSync(join(at("crash"), "model.cu"), text.replace(/(__global__ [^\n]*\n)/, "$1  abort();\n"));
    session = await openCuda(at("crash"), { place: "emulation" });
    expect(await refusal(session.run(image(1)))).toBe("unsupported: the CUDA program ended: SIGABRT");
    expect(await refusal(session.run(image(1)))).toBe("unsupported: the CUDA program ended: SIGABRT");
  });

  it("an interrupted compilation", async () => {
    cpSync(at("model"), at("interrupted"), { recursive: true });
    writeFileSync(
      join(at("interrupted"), "main.cpp"),
      `${readFileSync(join(at("model"), "main.cpp"), "utf8")}\n// new\n`,
    );
    const stop = new AbortController();
    const opened = openCuda(at("interrupted"), { place: "emulation", signal: stop.signal });
    setTimeout(() => stop.abort(), 300);
    expect(await refusal(opened)).toBe("interrupted: stopped while the kernels were compiled");
  });

  it("another caller of the same sources is not interrupted with it", { timeout: 120_000 }, async () => {
    cpSync(at("model"), at("shared"), { recursive: true });
    writeFileSync(
      join(at("shared"), "main.cpp"),
      `${readFileSync(join(at("model"), "main.cpp"), "utf8")}\n// shared\n`,
    );
    const options = { compiler: findHostCompiler() ?? "g++", place: "emulation" } as const;
    const stop = new AbortController();
    const first = refusal(compileCuda(at("shared"), { ...options, signal: stop.signal }));
    const second = compileCuda(at("shared"), options);
    stop.abort();
    expect(await first).toBe("interrupted: stopped while the kernels were compiled");
    expect(existsSync(await second)).toBe(true);
    expect(await compileCuda(at("shared"), options)).toBe(await second);
  });

  it("an interrupted compilation begins again for the next caller", { timeout: 120_000 }, async () => {
    cpSync(at("model"), at("anew"), { recursive: true });
    writeFileSync(join(at("anew"), "main.cpp"), "int main() {}\n");
    writeFileSync(join(at("anew"), "model.cu"), "\n");
    const options = { compiler: findHostCompiler() ?? "g++", place: "emulation" } as const;
    const stop = new AbortController();
    const first = refusal(compileCuda(at("anew"), { ...options, signal: stop.signal }));
    stop.abort();
    const second = compileCuda(at("anew"), options);
    expect(await first).toBe("interrupted: stopped while the kernels were compiled");
    expect(existsSync(await second)).toBe(true);
  });

  it("paths are paths, whatever is in them", { timeout: 120_000 }, async () => {
    const folder = at("-o $(touch made) `x` \" ' ;");
    cpSync(at("model"), folder, { recursive: true });
    writeFileSync(join(folder, "main.cpp"), `${readFileSync(join(folder, "main.cpp"), "utf8")}\n// compiled anew\n`);
    session = await openCuda(folder, { place: "emulation" });
    expect((await session.run(image(1))).size).toBe(1);
  });
});

describe("a program that is not what it should be is ended", () => {
  /** A shell script in place of a model, which writes its process id beside it. */
  function program(name: string, body: string): { file: string; isRunning: () => boolean } {
    const file = at(name);
    writeFileSync(file, `#!/bin/sh\necho $$ > "$0.pid"\n${body}\n`);
    chmodSync(file, 0o755);
    const isRunning = (): boolean => existsSync(`/proc/${readFileSync(`${file}.pid`, "utf8").trim()}`);
    return { file, isRunning };
  }
  const tensor = (shape: string): string => `[{"name": "x", "shape": ${shape}}]`;
  const said = (shape: string): string => `echo '{"device": "d", "inputs": ${tensor(shape)}, "outputs": []}'; exec cat`;
  const noDescription = "unsupported: the CUDA program does not say what it is: ";

  it.each([
    ["no JSON", "echo hello; exec cat", `${noDescription}"hello\\n"`],
    ["null", "echo null; exec cat", `${noDescription}"null\\n"`],
    ["no tensors", `echo '{"device": "d"}'; exec cat`, noDescription],
    ["a shape of text", said('["1"]'), noDescription],
    ["a shape without end", said("[1e9, 1e9]"), noDescription],
    ["no line", "exec cat /dev/zero", "unsupported: the first line of the CUDA program is longer than 1048576 bytes"],
  ])("%s", { timeout: 20_000 }, async (name, body, text) => {
    const { file, isRunning } = program(name, body);
    expect(await refusal(CudaProcess.start(file, "weights"))).toContain(text);
    expect(isRunning()).toBe(false);
  });

  it("no device", async () => {
    expect(await CudaProcess.start(program("none", "exit 3").file, "weights")).toBeUndefined();
  });

  it("no program", async () => {
    expect(await refusal(CudaProcess.start(at("missing"), "weights"))).toContain("ENOENT");
  });
});
