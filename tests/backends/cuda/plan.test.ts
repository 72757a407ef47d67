import { describe, expect, it } from "vitest";
import { buildCuda, planCuda } from "../../../src/backends/cuda/plan.ts";
import type { Schedule } from "../../../src/backends/kernel/schedule.ts";
import { TimmcError } from "../../../src/ir/error.ts";
import { Net } from "../kernel/network.ts";

/** What planning says to the user. */
function refusal(plan: () => unknown): string {
  try {
    plan();
  } catch (error) {
    if (error instanceof TimmcError) return `${error.code}: ${error.message} ${error.describe()}`;
    throw error;
  }
  return "no refusal";
}

describe("what no CUDA device launches is refused", () => {
  const planned = (shape: readonly number[], schedule?: () => Schedule): string => {
    const net = new Net();
    return refusal(() => planCuda(buildCuda(net.outputs(net.op("abs", [net.input(shape)], {}))), schedule));
  };

  it("tensors of 2^31 elements", () => {
    expect(planned([2 ** 15, 2 ** 16])).toMatch(/^unsupported: a tensor of 2147483648 elements[^]*Use a smaller batch/);
    expect(planned([2 ** 15, 2 ** 16 - 4])).toBe("no refusal");
  });

  it("more blocks than a grid has", () => {
    const scalar = (): Schedule => ({ plans: {} });
    expect(planned([70_000, 3, 5], scalar)).toMatch(
      /^unsupported: a kernel of 5 x 3 x 70000 blocks[^]*Use a smaller batch/,
    );
    expect(planned([60_000, 3, 5], scalar)).toBe("no refusal");
  });

  it("blocks that share more than 48 KiB", () => {
    const net = new Net();
    const program = buildCuda(net.outputs(net.linear(net.input([512, 512]), 512)));
    const staged = (registers: number) => (): Schedule => ({
      plans: {
        m: { threads: 8, registers, vector: 1 },
        o: { threads: 8, registers: 2, vector: 4 },
        c: { threads: 1, registers: 8, vector: 4 },
      },
      stages: 3,
    });
    expect(refusal(() => planCuda(program, staged(16)))).toMatch(
      /^unsupported: a kernel that shares \d+ bytes in a block is more than CUDA launches \(49152\)/,
    );
    expect(refusal(() => planCuda(program, staged(2)))).toBe("no refusal");
  });
});

it("a copy into row-major order has blocks of whole sectors on both sides", () => {
  const net = new Net();
  const program = buildCuda(net.outputs(net.conv(net.input([1, 16, 28, 28]), 64, 3)));
  const { kernel } = planCuda(program).plan.steps.at(-1) ?? {};
  // A sector is 32 bytes: whole rows of the picture as they are written, and eight channels at least as they are read.
  const [rows, channels] = [1, 64 / 8];
  expect(kernel?.grid).toEqual([rows, channels, 28]);
});
