import { describe, expect, it } from "vitest";
import { cli, recordingShell } from "./run-cli.ts";

const escape = "\u001B";

describe("status", () => {
  it("is one line that the next one replaces, and that goes before a result", () => {
    const { shell, written } = recordingShell({ isTerminal: true });
    shell.status("one");
    shell.status("one");
    shell.status("two");
    shell.print("result");
    shell.log("log");
    expect(written.err).toBe(`\r${escape}[Kone\r${escape}[Ktwo\r${escape}[Klog\n`);
    expect(written.out).toBe("result\n");
  });

  it("is not written where no person looks on", () => {
    const { shell, written } = recordingShell();
    shell.status("one");
    shell.note("two");
    expect(written).toEqual({ out: "", err: "note: two\n" });
  });

  it("is gone before an error is reported", async () => {
    const { shell, written } = recordingShell({ isTerminal: true });
    const { runCommandLine } = await import("../../src/cli/main.ts");
    shell.status("working");
    await runCommandLine(["inspect", "resnett50"], shell);
    expect(written.err).toMatch(new RegExp(`working\\r${escape}\\[Ktimmc: timm has no`));
  });
});

describe("colours", () => {
  it.each([
    [{ isTerminal: true, color: true }, true],
    [{ isTerminal: true, color: false }, false],
    [{ isTerminal: false, color: true }, false],
  ])("%j: %j", async (surroundings, expected) => {
    const colour = `${escape}[`;
    expect((await cli(["info", "test_resnet"], surroundings)).out.includes(colour)).toBe(expected);
    expect((await cli(["inspect", "resnett50"], surroundings)).err.includes(colour)).toBe(expected);
    expect((await cli(["--help"], surroundings)).out.includes(colour)).toBe(expected);
    expect((await cli(["list", "--sort", "x"], surroundings)).err.includes(`${colour}31m`)).toBe(expected);
  });

  it("never reach --json", async () => {
    const { out } = await cli(["inspect", "test_resnet", "--json"], { isTerminal: true, color: true });
    expect(JSON.parse(out)).toHaveProperty("architecture");
  });
});
