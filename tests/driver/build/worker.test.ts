import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { type Hand, threadHand } from "../../../src/driver/build/hand.ts";
import type { Job } from "../../../src/driver/build/protocol.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import { refusal, temporaryFolder } from "../workspace.ts";

const at = temporaryFolder();

/** Workers run what was built; tests/build.ts has built it. */
const program = pathToFileURL(join(import.meta.dirname, "../../../dist/driver/build/worker.js"));

/** A worker whose program is this one. */
function programmed(name: string, text: string): URL {
  mkdirSync(at("."), { recursive: true });
  writeFileSync(
    at(name),
    `import { parentPort } from "node:worker_threads";\nparentPort.on("message", (m) => { ${text} });`,
  );
  return pathToFileURL(at(name));
}

const jobOf = (name: string, request: Partial<Job["request"]> = {}): Job => ({
  name,
  request: { model: "test_resnet", weights: "synthetic", inputSize: [3, 64, 64], ...request },
  out: at(name),
  stamp: at(`.timmc/${name}.json`),
  cache: null,
  cacheDir: undefined,
  verify: false,
});

const told = { note: () => {}, progress: () => {} };

async function using<T>(hand: Hand, body: (hand: Hand) => Promise<T>): Promise<T> {
  try {
    return await body(hand);
  } finally {
    await hand.close();
  }
}

describe("a worker thread", () => {
  it("does one job after another, asks before each, and goes on after a failure", async () => {
    await using(threadHand(2 ** 30, program), async (hand) => {
      const asked: number[] = [];
      const ask = async ({ bytes }: { readonly bytes: number }): Promise<void> => void asked.push(bytes);
      expect(await hand.perform(jobOf("a"), ask, told)).toMatchObject({ origin: "built", failure: null });
      const wrong = hand.perform(jobOf("b", { model: "test_vit", inputSize: [3, 50, 50] }), ask, told);
      expect(await refusal(wrong)).toMatch(/^unsupported|^usage: .*not divisible by the patch size/);
      expect(await hand.perform(jobOf("a"), ask, told)).toMatchObject({ origin: "kept" });
      const no = async (): Promise<void> => {
        throw new TimmcError("config", "no", { hint: "because" });
      };
      expect(await refusal(hand.perform(jobOf("c"), no, told))).toBe("config: no\n  because");
      expect(existsSync(at("c"))).toBe(false);
      expect(asked.length).toBeGreaterThanOrEqual(2);
      expect(hand.isWhole).toBe(true);
    });
  }, 60_000);

  it("that is stopped while it waits or works leaves nothing half-written", async () => {
    await using(threadHand(2 ** 30, program), async (hand) => {
      const never = new Promise<void>(() => {});
      const stopping = async (): Promise<void> => (hand.stop(), never);
      expect(await refusal(hand.perform(jobOf("d"), stopping, told))).toMatch(/^interrupted: /);
      const working = hand.perform(jobOf("e", { model: "resnet50" }), async () => {}, {
        ...told,
        progress: (text) => text.startsWith("writing") && hand.stop(),
      });
      expect(await refusal(working)).toMatch(/^interrupted: /);
      expect(existsSync(join(at("e"), "manifest.json"))).toBe(false);
    });
  }, 60_000);

  it.each([
    ["crash.mjs", 'throw new Error("boom")', /^io: its worker crashed: boom/],
    ["exit.mjs", "process.exit(3)", /^io: its worker ended with status 3/],
    [
      "heap.mjs",
      "const all = []; for (;;) all.push({ x: all.length, y: [all.length] })",
      /^io: its worker ran out of memory\n.*--memory/,
    ],
  ])(
    "%s fails its job alone",
    async (name, text, message) => {
      await using(threadHand(32 * 2 ** 20, programmed(name, text)), async (hand) => {
        expect(await refusal(hand.perform(jobOf("f"), async () => {}, told))).toMatch(message);
        expect(hand.isWhole).toBe(false);
        expect(await refusal(hand.perform(jobOf("g"), async () => {}, told))).toMatch(/^io: its worker is gone/);
      });
    },
    60_000,
  );
});
