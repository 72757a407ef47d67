import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../driver/workspace.ts";

const at = temporaryFolder();
const bin = join(import.meta.dirname, "../../bin/timmc.js");
const timmc = (...args: string[]) => spawnSync(process.execPath, [bin, ...args], { encoding: "utf8" });

describe("the program", () => {
  it("ends with the status of the command line", () => {
    expect(timmc("info", "test_resnet", "--json")).toMatchObject({ status: 0, stderr: "" });
    expect(timmc("inspect", "local-dir:/no/such/folder")).toMatchObject({ status: 1, stdout: "" });
    expect(timmc("inspect", "resnett50")).toMatchObject({ status: 2, stdout: "" });
  });

  it("writes no colours and no progress where nobody looks on", () => {
    const { stdout, stderr } = timmc("compile", "test_resnet", "--weights", "none", "-o", at("plain"));
    expect(stderr).toMatch(/^ +before +after\n[^]*passes took .* ms\n\n$/);
    expect(stdout + stderr).not.toContain("\u001B");
    expect(stderr).not.toContain("lowering");
  });

  it("is silent when the reader has seen enough", async () => {
    const child = spawn(process.execPath, [bin, "list", "--json"]);
    let err = "";
    child.stderr.on("data", (text: Buffer) => (err += text.toString()));
    child.stdout.once("data", () => child.stdout.destroy());
    const status = await new Promise((end) => child.on("close", end));
    expect({ status, err }).toEqual({ status: 0, err: "" });
  });

  it.runIf(existsSync("/dev/full"))("fails when its output cannot be written", () => {
    const full = openSync("/dev/full", "w");
    const { status, stderr } = spawnSync(process.execPath, [bin, "list"], {
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    closeSync(full);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^timmc: cannot write the output: ENOSPC/);
  });

  it.runIf(process.platform !== "win32").each(["SIGINT", "SIGTERM"] as const)(
    "%s while it writes leaves neither a temporary file nor an artifact",
    async (signal) => {
      const folder = at(signal);
      const args = ["compile", "vit_base_patch16_224", "--weights", "synthetic", "-o", folder];
      const child = spawn(process.execPath, [bin, ...args]);
      let err = "";
      child.stderr.on("data", (text: Buffer) => (err += text.toString()));
      const watch = setInterval(() => {
        if (
          !existsSync(folder) ||
          !readdirSync(folder, { recursive: true }).some((name) => String(name).endsWith(".tmp"))
        )
          return;
        clearInterval(watch);
        child.kill(signal);
      }, 2);
      const status = await new Promise((end) => child.on("close", end));
      clearInterval(watch);
      expect({ status, err }).toEqual({ status: 130, err: "timmc: interrupted\n" });
      expect(readdirSync(folder)).toEqual([]);
    },
  );
});
