import { describe, expect, it } from "vitest";
import { type Program, buildProgram } from "../../../src/backends/kernel/build.ts";
import { leastTraffic } from "../../../src/backends/kernel/least.ts";
import { movedBy, readsByWorkgroups, trafficOf } from "../../../src/backends/kernel/traffic.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { Net } from "./network.ts";

/** Bytes in numbers of four. */
const numbers = (graph: Graph): { moved: number; least: number; program: Program } => {
  const program = buildProgram(graph);
  const moved = trafficOf(program).reduce((sum, t) => sum + movedBy(t), 0);
  const { weights, tensors } = leastTraffic(graph);
  return { moved: moved / 4, least: (weights + tensors) / 4, program };
};

describe("traffic", () => {
  it("counts each element of a window's input once, with the weights and the result", () => {
    const net = new Net();
    const graph = net.outputs(net.conv(net.input([1, 4, 6, 6]), 8, 3));
    const { moved, least, program } = numbers(graph);
    expect(moved).toBe(4 * 36 + 8 * 4 * 9 + 8 + 8 * 36);
    expect(least).toBe(moved);
    const [{ flops } = { flops: 0 }] = trafficOf(program);
    expect(flops).toBe(8 * 36 * (2 * 36 + 1));
  });

  it("counts what a convolution that skips places reads", () => {
    const net = new Net();
    const { moved, least } = numbers(net.outputs(net.conv(net.input([1, 4, 6, 6]), 8, 1, 1, 2)));
    expect(moved).toBe(4 * 9 + 8 * 4 + 8 + 8 * 9);
    expect(least).toBe(moved);
  });

  it("counts the part of a concatenation that a kernel reads", () => {
    const net = new Net();
    const x = net.input([1, 4, 6, 6]);
    const a = net.conv(x, 4, 1);
    const b = net.conv(a, 4, 3);
    const { moved, least } = numbers(net.outputs(net.conv(net.op("concat", [a, b], { axis: 1 }), 2, 3)));
    const weights = 4 * 4 + 4 + 4 * 4 * 9 + 4 + 8 * 2 * 9 + 2;
    // The input, a written and read, b written, both read, the result.
    expect(moved).toBe(weights + 36 * (4 + 4 + 4 + 4 + 8 + 2));
    expect(least).toBe(moved);
  });

  it("counts a residual that is added as one more read, and a norm as a pass of its own", () => {
    const net = new Net();
    const x = net.linear(net.input([1, 5, 8]), 8);
    const graph = net.outputs(net.linear(net.op("add", [net.linear(net.norm(x), 8), x], {}), 4));
    const { moved, least } = numbers(graph);
    const products = 8 * 8 + 8 + 8 * 8 + 8 + 4 * 8 + 4;
    // x written and read, its projection stored as the sum, which is read; x once more for the sum; the result.
    expect(least).toBe(products + 16 + 40 * (1 + 1 + 1 + 1 + 1 + 1) + 20);
    expect(moved - least).toBe(40 * 2);
  });

  it("says what workgroups read of each other's: the rows around a tile", () => {
    const net = new Net();
    const program = buildProgram(net.outputs(net.conv(net.input([1, 4, 8, 8]), 4, 3, 4)));
    const [kernel] = program.kernels;
    const weights = 4 * 9 + 4;
    const reads = (plans: Parameters<typeof readsByWorkgroups>[1]["plans"]): number =>
      kernel === undefined ? 0 : readsByWorkgroups(kernel, { plans }) / 4;
    const plan = (threads: number): { threads: number; registers: number; vector: 1 } => ({
      threads,
      registers: 1,
      vector: 1,
    });
    expect(reads({ x: plan(8), y: plan(8), o: plan(4) })).toBe(4 * 64 + weights);
    // Two halves of 4 rows each read one row of the other's, and one beyond the border.
    expect(reads({ x: plan(8), y: plan(4), o: plan(4) })).toBeGreaterThan(4 * 64 + 2 * weights);
  });
});
