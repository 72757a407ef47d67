import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type ResolvedModel, resolve } from "../../src/frontend/resolve.ts";
import { matchError } from "../../src/frontend/weights/check.ts";
import { fitWeights } from "../../src/driver/fit-weights.ts";
import { TimmcError } from "../../src/ir/error.ts";
import { type LoweredModel, lowerArchitecture } from "../../src/zoo/lower.ts";
import { f32Data, fakeSource } from "../frontend/weights/fake-source.ts";
import { publishedVit } from "../frontend/weights/diagnose/foreign.ts";

let resolved: ResolvedModel;
let lowered: LoweredModel;

beforeAll(async () => {
  const args = { depth: 1, embed_dim: 12, num_heads: 3, img_size: 32 };
  resolved = await resolve({ model: "vit_tiny_patch16_224", args });
  const { family, architecture, args: read, inputSize } = resolved;
  lowered = lowerArchitecture(family, architecture, read, inputSize);
});

/** What the terminal would obey: anything but the line breaks of the message itself. */
const commands = /\p{Cc}(?<!\n)|\p{Cf}/u;
const hostile = fc.constantFrom("\u001B[2J", "\u009B2J", "\r", "\u202E", "\u0007", "\u001B]0;x\u0007");

/** The message for a file of these names, as `compile` prints it. */
function outcome(names: readonly string[], shape: (name: string) => readonly number[]): string {
  const entries = names.map((name) => {
    const dims = [...shape(name)];
    return [name, f32Data(dims, new Float32Array(dims.reduce((n, d) => n * d, 1)))] as const;
  });
  const source = fakeSource(Object.fromEntries(entries));
  try {
    const { adapted, match, lenient } = fitWeights("file", source, resolved, lowered);
    return matchError(adapted.source, match, lenient)?.describe() ?? "";
  } catch (error) {
    if (error instanceof TimmcError) return error.describe();
    throw error;
  }
}

test("no name of a file speaks to the terminal, whatever it breaks", () => {
  const timms = lowered.parameters.map(({ name, shape }) => ({ name, shape }));
  const transformers = timms.flatMap(({ name, shape }) => publishedVit(name, shape));
  const clip = ["visual.class_embedding", "visual.positional_embedding", "visual.proj"].map((name) => {
    return { name, shape: [12] };
  });
  const place = fc.record({
    command: hostile,
    at: fc.nat(),
    every: fc.integer({ min: 1, max: 9 }),
    thin: fc.boolean(),
  });
  let messages = 0;
  fc.assert(
    fc.property(fc.constantFrom(timms, transformers, clip), place, (file, { command, at, every, thin }) => {
      const shapes = new Map<string, readonly number[]>();
      for (const [i, { name, shape }] of file.entries()) {
        const cut = at % (name.length + 1);
        shapes.set(name, thin ? [1] : shape);
        if (i % every === 0) shapes.set(name.slice(0, cut) + command + name.slice(cut), thin ? [1] : shape);
      }
      const message = outcome([...shapes.keys()], (name) => shapes.get(name) ?? []);
      if (message !== "") messages++;
      expect(message).not.toMatch(commands);
    }),
    { numRuns: 200 },
  );
  expect(messages).toBeGreaterThan(100);
});

test("two entries that become one are named in letters alone", () => {
  const names = ["visual.class_embedding", "visual.cls_token\u001B", "visual.class_embedding\u001B"];
  expect(outcome(names, () => [1])).not.toMatch(commands);
  const twins = ["visual.class_embedding", "visual.\u001Bln_1", "visual.\u001Bnorm1"];
  const message = outcome(twins, () => [1]);
  expect(message).toContain("two entries become \\u001bnorm1");
  expect(message).not.toMatch(commands);
});
