import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type WeightFile,
  bindingAlignment,
  bytesOf,
  placeWeights,
  runsOf,
} from "../../../src/backends/kernel/bindings.ts";
import type { Stored } from "../../../src/backends/kernel/build.ts";
import type { Buffer } from "../../../src/backends/kernel/expr.ts";
import { limits } from "../../../src/backends/kernel/limits.ts";
import { splitWideWeights } from "../../../src/backends/kernel/rules/split-wide-weights.ts";
import { interpret } from "../../../src/ir/interpret.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { passOf } from "../../../src/passes/rewriting.ts";
import { verifying } from "../../../src/passes/verifying.ts";
import { Net, environment } from "./network.ts";

const length = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 2 ** 20, max: 2 ** 25 }));
const weight = fc.record({ length, storage: fc.constantFrom("f32", "f16") });

/** Weights, and which of them each kernel reads. */
const files = fc
  .record({
    weights: fc.array(weight, { minLength: 1, maxLength: 8 }),
    reads: fc.array(fc.array(fc.nat(7), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
  })
  .map(({ weights, reads }) => {
    const buffers = weights.map((w, i): Buffer => ({ ...w, name: `w${i}`, space: "device" }));
    return reads.map((own) => [...new Set(own)].flatMap((i) => buffers[i] ?? []));
  });

const placed = (kernels: readonly (readonly Buffer[])[]): WeightFile =>
  placeWeights(
    [...new Set(kernels.flat())].map((buffer) => ({ buffer }) as Stored),
    kernels,
  );

describe("weights of a kernel", () => {
  it("are bound in runs that begin where a binding can and are not too much", () => {
    fc.assert(
      fc.property(files, (kernels) => {
        const file = placed(kernels);
        let end = 0;
        for (const [buffer, at] of file.offsets) {
          expect(at).toBeGreaterThanOrEqual(end);
          end = at + bytesOf(buffer);
        }
        for (const buffers of kernels) {
          const runs = runsOf(buffers, file);
          expect(runs.flatMap(({ members }) => members)).toHaveLength(buffers.length);
          for (const { members, offset } of runs) {
            const last = members.at(-1) as Buffer;
            expect(offset % bindingAlignment).toBe(0);
            expect((file.offsets.get(last) ?? NaN) + bytesOf(last) - offset).toBeLessThanOrEqual(limits.bindingBytes);
          }
        }
      }),
      { seed: 20_260_101, numRuns: 300 },
    );
  });

  it("are one run where all of their readers are the same", () => {
    const [a, b, c] = ["a", "b", "c"].map((name): Buffer => ({ name, space: "device", storage: "f32", length: 6 }));
    if (a === undefined || b === undefined || c === undefined) throw new RangeError("three weights");
    const kernels = [
      [a, c, b],
      [b, a],
    ];
    expect(kernels.map((buffers) => runsOf(buffers, placed(kernels)).length)).toEqual([2, 1]);
  });
});

describe("weights that are larger than a binding are divided", () => {
  const convolution = (groups: number) => (net: Net) => net.conv(net.input([2, 6, 4, 3]), 12, 3, groups, 2);
  it.each([
    ["of a projection", (net: Net) => net.linear(net.input([2, 3, 6]), 10), 4 * 6 * 4, "linear", 3],
    ["of a convolution", convolution(1), 4 * 54 * 7, "conv", 3],
    ["of a convolution of groups, between them", convolution(3), 4 * 18 * 8, "conv", 2],
    ["of a depthwise convolution", convolution(6), 4 * 9 * 5, "conv", 3],
  ] as const)("%s", (_, make, bytes, op, parts) => {
    const net = new Net();
    const graph = net.outputs(make(net));
    const before = interpret(graph, environment);
    runPipeline(graph, [passOf(splitWideWeights(bytes))], [verifying]);
    expect([...graph.values()].filter((v) => v.op === op)).toHaveLength(parts);
    for (const [name, { data }] of interpret(graph, environment))
      expect([...data]).toEqual([...(before.get(name)?.data ?? [])]);
  });
});
