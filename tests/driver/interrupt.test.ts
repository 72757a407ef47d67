import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadArtifact } from "../../src/driver/artifact.ts";
import { compile } from "../../src/driver/compile.ts";
import { pauses } from "../../src/backends/interrupt.ts";
import { compileTiny, refusal, temporaryFolder } from "./workspace.ts";

const at = temporaryFolder();

test("long work lets other events in, short work does not wait", async () => {
  const pause = pauses(undefined);
  let turned = false;
  setImmediate(() => (turned = true));
  await pause();
  expect(turned).toBe(false);
  const until = performance.now() + 40;
  while (performance.now() < until);
  await pause();
  expect(turned).toBe(true);
});

test("a compile that is stopped while it writes leaves the artifact of before, and nothing else", async () => {
  await compileTiny(at("out"));
  const before = readdirSync(at("out"));
  const controller = new AbortController();
  const watch = setInterval(() => {
    if (readdirSync(at("out"), { recursive: true }).some((name) => String(name).endsWith(".tmp"))) controller.abort();
  }, 1);
  const compiled = compile({
    model: "resnet50",
    weights: "synthetic",
    out: at("out"),
    signal: controller.signal,
  });
  expect(await refusal(compiled)).toMatch(/^interrupted: /);
  clearInterval(watch);
  expect(readdirSync(at("out"))).toEqual(before);
  expect((await loadArtifact(at("out"))).manifest.source.architecture).not.toBe("resnet50");
});

test("a compile that is stopped before it writes touches nothing", async () => {
  await compileTiny(at("kept"));
  const compiled = compileTiny(at("kept"), { signal: AbortSignal.abort() });
  expect(await refusal(compiled)).toMatch(/^interrupted: /);
  expect(existsSync(join(at("kept"), "manifest.json"))).toBe(true);
});
