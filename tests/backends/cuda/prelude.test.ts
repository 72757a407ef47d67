import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { findHostCompiler } from "../../../src/runtime/cuda/compile.ts";
import { temporaryFolder } from "../../driver/workspace.ts";

const at = temporaryFolder();
const data = fileURLToPath(new URL("../../../data/cuda/", import.meta.url));
const flags = [
  "-std=c++17",
  "-O1",
  "-Wall",
  "-Wextra",
  "-pthread",
  "-fno-strict-aliasing",
  "-DTIMMC_EMULATION",
  "-I",
  data,
];

describe("what kernels stand behind, under emulation", () => {
  it.each([
    ["sm_80", []],
    ["sm_75", ["-DTIMMC_EMULATION_SM75"]],
  ])("%s", { timeout: 120_000 }, (name, more) => {
    const source = join(import.meta.dirname, "prelude.cpp");
    const compiled = spawnSync(findHostCompiler() ?? "g++", [...flags, ...more, source, "-o", at(name)], {
      encoding: "utf8",
    });
    expect(compiled.stderr).toBe("");
    const { status, stderr } = spawnSync(at(name), [], { encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  });
});
