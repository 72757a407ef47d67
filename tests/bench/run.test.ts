import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const bench = (...args: string[]) =>
  spawnSync(process.execPath, [join(import.meta.dirname, "../../bench/run.js"), ...args], { encoding: "utf8" });

test("npm run bench starts from the sources, and says what is wrong with its arguments", () => {
  const help = bench("ort", "--help");
  expect(help).toMatchObject({ status: 0, stderr: "" });
  expect(help.stdout).toMatch(/--profile/);
  expect(bench("ort", "--levels", "O0")).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/two of O0, O1, O2/),
  });
  const unknown = bench("forms", "nosuch");
  expect(unknown).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/no micro-benchmark "nosuch".*There are /s),
  });
  const early: readonly (readonly [readonly string[], RegExp])[] = [
    [
      ["speed"],
      /^timmc: there is no command "speed"\n.*ort, webgpu, cuda, compile, build, zoo, read, accuracy, precision and forms/,
    ],
    [["ort", "--models", "resnett18"], /^timmc: timm has no architecture "resnett18"/],
    [["ort", "--models", "resnet18", "--passes", "dead"], /^timmc: timmc has no pass "dead"/],
    [["ort", "--onnx-ops", "fast"], /Allowed choices are standard, ort/],
  ];
  for (const [args, message] of early)
    expect(bench(...args)).toMatchObject({ status: 2, stdout: "", stderr: expect.stringMatching(message) });
});
