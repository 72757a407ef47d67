import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { chooseSchedule } from "../../../src/backends/kernel/choose.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import type { TestedOp } from "../../ir/ops/cases/index.ts";
import { temporaryFolder } from "../../driver/workspace.ts";
import { runEmulated, writeGraph } from "./emulated.ts";
import { mixedGraph } from "./mixed-graph.ts";

const at = temporaryFolder();

/** Every step has its own memory alone; what it reads or writes beside it, and what C++ leaves undefined, ends the program. */
const bounds = ["-O1", "-g1", "-fsanitize=address,undefined", "-fno-sanitize=alignment", "-fno-sanitize-recover=all"];

/** A thread of the host for each of a block: what no barrier keeps apart is a race. */
const races = ["-O1", "-g1", "-DTIMMC_EMULATION_THREADS", "-fsanitize=thread"];

process.env["TSAN_OPTIONS"] = "halt_on_error=1";
process.env["ASAN_OPTIONS"] = "detect_leaks=1";

/** Ops whose kernels exchange numbers between threads, and one that does not. */
const ops: readonly TestedOp[] = ["softmax", "layer_norm", "conv", "matmul", "attention", "pad"];

describe("kernels keep to their memory and to their barriers", () => {
  const { graph, numbers } = mixedGraph(ops);
  const source = (): string => readFileSync(join(at("sound"), "model.cu"), "utf8");

  /** A copy of the artifact with another model.cu, run with flags; what the program says when it ends. */
  async function run(name: string, text: string, flags: readonly string[]): Promise<string> {
    cpSync(at("sound"), at(name), { recursive: true });
    writeFileSync(join(at(name), "model.cu"), text);
    try {
      // The first run launches kernel by kernel, the second what it has captured.
      await runEmulated(at(name), numbers, { flags, runs: 2 });
    } catch (error) {
      if (error instanceof TimmcError) return error.message;
      throw error;
    }
    return "no failure";
  }

  beforeAll(async () => {
    // Through the workgroup's memory, with copies under way: as many barriers as kernels can have.
    await writeGraph(at("sound"), graph, numbers, {
      schedule: (kernel) => ({ ...chooseSchedule(kernel), stages: 2 }),
    });
  });

  it("nothing is out of bounds", { timeout: 300_000 }, async () => {
    expect(await run("bounds", source(), bounds)).toBe("no failure");
  });

  it("an index one too far is found", { timeout: 300_000 }, async () => {
    const text = changed(/vectors<4>\((b\d)\)\[/, "vectors<4>($1)[1 + ");
    expect(await run("beyond", text, bounds)).toContain("AddressSanitizer: use-after-poison");
  });

  it("and so is one of a captured graph", { timeout: 300_000 }, async () => {
    const text = changed(/vectors<4>\((b\d)\)\[/, "vectors<4>($1)[beyond + ")
      .replace("#include <new>", "#include <new>\nstatic int beyond = 0;")
      .replace(/cudaGraphLaunch\(.*?\)/, "(beyond = 1, $&)");
    expect(await run("replayed", text, bounds)).toContain("AddressSanitizer: use-after-poison");
  });

  it("no two threads race", { timeout: 300_000 }, async () => {
    expect(await run("races", source(), races)).toBe("no failure");
  });

  it("a barrier that is not there is found", { timeout: 300_000 }, async () => {
    expect(await run("unguarded", changed(/\n *__syncthreads\(\);/, ""), races)).toContain(
      "ThreadSanitizer: data race",
    );
  });

  /** The first place of model.cu that matches, changed. */
  function changed(pattern: RegExp, to: string): string {
    if (!pattern.test(source())) throw new RangeError(`model.cu has no ${pattern}`);
    return source().replace(pattern, to);
  }
});
