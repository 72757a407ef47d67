import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Kernel, buildProgram } from "../../../src/backends/kernel/build.ts";
import { chooseSchedule } from "../../../src/backends/kernel/choose.ts";
import { type Plan, type Schedule, scalarPlan } from "../../../src/backends/kernel/schedule.ts";
import { kernelPasses } from "../../../src/backends/kernel/passes.ts";
import { poolInParts } from "../../../src/backends/kernel/rules/pool-in-parts.ts";
import { splitGates } from "../../../src/backends/kernel/rules/split-gates.ts";
import { planKernels } from "../../../src/backends/kernel/plan.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import { evaluateWeight, interpret } from "../../../src/ir/interpret.ts";
import { runPipeline } from "../../../src/passes/pass.ts";
import { verifying } from "../../../src/passes/verifying.ts";
import { deadCode } from "../../../src/passes/whole-graph/dead-code.ts";
import type { Value } from "../../../src/ir/value.ts";
import { Net, environment, networks } from "./network.ts";
import { runPlan } from "./run-plan.ts";

/** How a graph is cut: its kernels by their roots' ops, `-` for those that have none, with what they store. */
const cut = (graph: Graph): string[] =>
  buildProgram(graph).kernels.map(
    ({ group: { root }, others = [], output }) =>
      `${root?.op ?? "-"} > ${[...others, output].map((o) => o.value.op).join(", ")}`,
  );

/** Runs a graph's plan, and fails where a number is further from the interpreter's than 1e-4 of its tensor's largest. */
function check(graph: Graph, schedule?: (kernel: Kernel) => Schedule): void {
  const expected = interpret(graph, environment);
  const plan = planKernels(buildProgram(graph), (kernel) => kernel, schedule);
  for (const { kernel } of plan.steps) expect(kernel.buffers.length).toBeLessThanOrEqual(8);
  const actual = runPlan(plan, ({ value }) =>
    value.isWeight ? evaluateWeight(value, environment) : environment.input(value.name, value.type as never),
  );
  for (const [name, { shape, ...rest }] of expected) {
    const data = Array.from(rest.data);
    const got = actual.get(name);
    expect(got?.shape).toEqual(shape);
    const largest = data.reduce((m, v) => Math.max(m, Math.abs(v)), 1);
    for (const [i, v] of data.entries()) {
      const error = Math.abs((got?.data[i] ?? NaN) - v);
      if (!(error <= 1e-4 * largest)) expect.fail(`${name}[${i}]: ${String(got?.data[i])} instead of ${v}`);
    }
  }
}

describe("fusion preserves the function", () => {
  it("of random networks", { timeout: 120_000 }, () => {
    const divided = (graph: Graph): void => {
      runPipeline(graph, [poolInParts], [verifying]);
      check(graph);
    };
    fc.assert(fc.property(networks, divided), { numRuns: 150, seed: 20_260_101 });
  });
});

/** A graph, and how it is cut. */
const cases: Readonly<Record<string, (net: Net) => readonly [Graph, readonly string[]]>> = {
  "a convolution takes bias, residual and activation": (net) => {
    const x = net.input([1, 4, 6, 6]);
    const sum = net.op("add", [net.conv(x, 4, 3), x], {});
    return [net.outputs(net.activation(sum, "relu")), ["conv > activation"]];
  },
  "a tap in its midst is stored on the way": (net) => {
    const x = net.input([1, 4, 6, 6]);
    const y = net.conv(x, 4, 3);
    const sum = net.op("add", [y, x], {});
    return [net.outputs(net.activation(sum, "relu"), sum, y), ["conv > conv, add, activation"]];
  },
  "a value and a function of it that meet again are at hand": (net) => {
    const y = net.conv(net.input([1, 4, 6, 6]), 4, 3);
    return [net.outputs(net.op("mul", [y, net.activation(y, "silu")], {})), ["conv > mul"]];
  },
  "a value that meets its transpose is not": (net) => {
    const y = net.conv(net.input([1, 4, 5, 4]), 4, 1);
    return [net.outputs(net.op("add", [y, net.transpose(y, [0, 3, 2, 1])], {})), ["conv > conv", "- > add"]];
  },
  "a result that is repeated is stored before": (net) => {
    const y = net.conv(net.input([1, 4, 1, 1]), 4, 1);
    return [net.outputs(net.op("mul", [net.input([1, 4, 5, 5]), y], {})), ["conv > conv", "- > mul"]];
  },
  "a gate is computed where the next convolution reads": (net) => {
    const x = net.activation(net.conv(net.input([1, 4, 6, 6]), 8, 3), "silu");
    const y = net.conv(net.op("mul", [x, net.gate(x)], {}), 4, 1);
    const squeeze = ["reduce_mean > reduce_mean", "conv > activation"];
    return [net.outputs(y), ["conv > activation", ...squeeze, "conv > conv"]];
  },
  "rows go back from windows behind a projection, rolled and added": (net) => {
    const x = net.input([1, 4, 6, 8]);
    const rolled = [1, 2].reduce((v, axis) => net.op("roll", [v], { axis, shift: -axis }), x);
    const windows = net.transpose(net.reshape(rolled, [1, 2, 2, 2, 3, 8]), [0, 1, 3, 2, 4, 5]);
    const rows = net.linear(net.reshape(windows, [4, 6, 8]), 8);
    const map = net.transpose(net.reshape(rows, [1, 2, 2, 2, 3, 8]), [0, 1, 3, 2, 4, 5]);
    const back = [2, 1].reduce((v, axis) => net.op("roll", [v], { axis, shift: axis }), net.reshape(map, [1, 4, 6, 8]));
    return [net.outputs(net.op("add", [x, back], {})), ["linear > add"]];
  },
  "a concatenation is written in parts": (net) => {
    const x = net.input([1, 4, 6, 6]);
    const [a, b] = [net.activation(net.conv(x, 4, 1), "relu"), net.conv(x, 6, 3)];
    const c = net.conv(a, 4, 3);
    return [
      net.outputs(net.conv(net.op("concat", [a, b, c], { axis: 1 }), 4, 3)),
      ["conv > activation", "conv > conv", "conv > conv", "conv > conv"],
    ];
  },
  "concatenations of the same values in a row are one": (net) => {
    const parts = [net.conv(net.input([1, 4, 6, 6]), 4, 1)];
    for (let i = 0; i < 3; i++) {
      const before = parts.length === 1 ? (parts[0] as Value) : net.op("concat", parts, { axis: 1 });
      parts.push(net.conv(net.activation(before, "relu"), 2, 3));
    }
    const all = net.op("concat", parts, { axis: 1 });
    return [net.outputs(net.conv(all, 4, 1)), Array.from({ length: 5 }, () => "conv > conv")];
  },
  "a part that is an output stays apart": (net) => {
    const x = net.input([1, 4, 20, 20]);
    const [a, b] = [net.conv(x, 4, 1), net.conv(x, 4, 3)];
    const y = net.conv(net.op("concat", [a, b], { axis: 1 }), 4, 1);
    return [net.outputs(y, a), ["conv > conv", "conv > conv", "conv > conv"]];
  },
  "no more is taken along than devices bind": (net) => {
    const sums = [net.conv(net.input([1, 4, 6, 6]), 4, 1)];
    for (let i = 0; i < 5; i++) sums.push(net.op("add", [sums.at(-1) as Value, net.input([1, 4, 6, 6])], {}));
    return [net.outputs(...sums.slice(1)), ["conv > add, add, add", "- > add", "- > add"]];
  },
  "no more is computed in place than devices bind, weights included": (net) => {
    const scaled = (): Value => net.op("mul", [net.input([1, 4, 6, 6]), net.param([1, 4, 1, 1])], {});
    const all = [scaled(), scaled(), scaled(), scaled()];
    const sum = all.reduce((a, b) => net.op("add", [a, b], {}));
    const each = all.map((x) => net.conv(x, 4, 1));
    return [
      net.outputs(net.conv(sum, 4, 1), ...each),
      ["- > mul", "- > mul", ...Array.from({ length: 5 }, () => "conv > conv")],
    ];
  },
};

describe("a kernel takes along what it has at hand", () => {
  it.each(Object.keys(cases))("%s", (name) => {
    const [graph, kernels] = cases[name]?.(new Net()) ?? [];
    if (graph === undefined) throw new RangeError(name);
    expect(cut(graph)).toEqual(kernels);
    check(graph);
  });
});

describe("a projection whose halves are computed with", () => {
  const parts = (net: Net, from: (y: Value, halves: readonly [Value, Value]) => Value): Graph => {
    const y = net.linear(net.input([1, 5, 8]), 12);
    const half = (i: number): Value => net.op("slice", [y], { axis: 2, range: [6 * i, 6 * i + 6], step: 1 });
    return net.outputs(net.linear(from(y, [half(0), half(1)]), 4));
  };
  const gated = (net: Net, [a, b]: readonly [Value, Value]): Value => net.op("mul", [net.activation(a, "silu"), b], {});
  const divided = (graph: Graph): boolean => {
    const expected = interpret(graph, environment);
    const divides = runPipeline(graph, [splitGates, deadCode], [verifying])[0]?.counts["kernel-split-gates"] === 1;
    for (const [name, { data }] of interpret(graph, environment))
      expect([...data]).toEqual([...(expected.get(name)?.data ?? [])]);
    check(graph);
    return divides;
  };
  it("is divided, and the second takes the gate along", () => {
    const net = new Net();
    const graph = parts(net, (_, halves) => gated(net, halves));
    expect(divided(graph)).toBe(true);
    expect(cut(graph)).toEqual(["linear > activation", "linear > mul", "linear > linear"]);
  });
  it("stays one where all of it is used, or a half is only moved", () => {
    const net = new Net();
    expect(divided(parts(net, (y, halves) => net.op("concat", [y, gated(net, halves)], { axis: 2 })))).toBe(false);
    const other = new Net();
    expect(
      divided(parts(other, (_, [a, b]) => other.op("concat", [other.activation(a, "relu"), b], { axis: 2 }))),
    ).toBe(false);
  });
});

describe("a depthwise convolution's kernel sums up rows for a squeeze-excite", () => {
  const squeezed = (net: Net, x: Value): Value => net.op("reduce_mean", [x], { axes: [2, 3], keep: true });
  /** Divides sums, which leaves the function as it was, and says how the graph is cut; with schedules of GPUs too. */
  const divided = (graph: Graph): string[] => {
    const expected = interpret(graph, environment);
    runPipeline(graph, [poolInParts], [verifying]);
    for (const [name, { data }] of interpret(graph, environment))
      data.forEach((v, i) => expect(v).toBeCloseTo(Number(expected.get(name)?.data[i]), 9));
    check(graph);
    return cut(graph);
  };
  const map = (net: Net, shape: readonly number[]): Value => {
    const x = net.input(shape);
    return net.activation(net.conv(x, shape[1] ?? 1, 3, shape[1]), "silu");
  };
  const pooled = ["conv > reduce_mean, activation", "reduce_mean > reduce_mean"];
  it.each([[[1, 8, 7, 7]], [[1, 6, 14, 14]], [[2, 4, 5, 15]], [[3, 3, 3, 8]], [[1, 8, 2, 32]], [[1, 2, 3, 12]]])(
    "of %j, which is stored with the sums",
    (shape) => {
      const net = new Net();
      const x = map(net, shape);
      const y = net.op("mul", [x, net.gate(x)], {});
      expect(divided(net.outputs(net.conv(y, 4, 1)))).toEqual([...pooled, "conv > activation", "conv > conv"]);
    },
  );
  it("with any number of threads and registers, once or in each of several tiles", () => {
    const net = new Net();
    const x = map(net, [2, 4, 3, 14]);
    const graph = net.outputs(x, squeezed(net, x));
    runPipeline(graph, [poolInParts], [verifying]);
    for (const threads of [1, 2, 4, 16])
      for (const registers of [1, 3]) {
        const plans = {
          x: scalarPlan,
          s: { threads, registers, vector: 1 },
          o: { threads: 1, registers: 2, vector: 2 },
        } as const;
        check(graph, (kernel) => (kernel.group.pooled === undefined ? chooseSchedule(kernel) : { plans }));
      }
  });
  it("in a warp only where its bits tell threads apart", () => {
    for (const channels of [3, 4]) {
      const net = new Net();
      const x = map(net, [1, channels, 8, 8]);
      const graph = net.outputs(x, squeezed(net, x));
      runPipeline(graph, [poolInParts], [verifying]);
      const plan = (threads: number): Plan => ({ threads, registers: 1, vector: 1 });
      const plans = { y: plan(8), s: plan(4), o: plan(channels) };
      check(graph, ({ group }) => (group.pooled === undefined ? { plans: {} } : { plans, shuffles: true }));
    }
  });
  it("and a map that nobody else needs is not stored", () => {
    const net = new Net();
    expect(divided(net.outputs(squeezed(net, map(net, [1, 8, 7, 7]))))).toEqual([
      "conv > reduce_mean",
      "reduce_mean > reduce_mean",
    ]);
  });
  it("of several values on the way, with taps", () => {
    const net = new Net();
    const x = net.input([2, 4, 7, 14]);
    const y = net.conv(x, 4, 3, 4);
    const z = net.activation(net.op("add", [y, x], {}), "relu");
    const sum = net.op("reduce_sum", [y], { axes: [2, 3], keep: false });
    expect(divided(net.outputs(z, squeezed(net, z), y, sum))).toEqual([
      "conv > conv, reduce_sum, reduce_mean, activation",
      "reduce_sum > reduce_sum",
      "reduce_mean > reduce_mean",
    ]);
  });
  it("but not of other places, of rows that no width divides, or behind other kernels", () => {
    const left = (from: (net: Net) => Value): void => {
      const net = new Net();
      expect(divided(net.outputs(from(net))).at(-1)).toBe("reduce_mean > reduce_mean");
      expect([...net.graph.values()].filter((v) => v.op === "reduce_mean")).toHaveLength(1);
    };
    left((net) => squeezed(net, map(net, [1, 4, 8, 10])));
    left((net) => squeezed(net, net.transpose(map(net, [1, 4, 8, 8]), [0, 1, 3, 2])));
    left((net) => squeezed(net, net.conv(net.input([1, 4, 8, 8]), 4, 1)));
    left((net) => net.op("reduce_mean", [map(net, [1, 4, 8, 8])], { axes: [3], keep: true }));
  });
});

describe("a projection whose weight is larger than a binding", () => {
  const wide = (channels: number): readonly string[] => {
    const net = new Net();
    const graph = net.outputs(net.activation(net.linear(net.input([1, 4096]), channels), "relu"));
    runPipeline(graph, kernelPasses.O2, [verifying]);
    return cut(graph);
  };
  it("is several that write side by side", () => {
    expect(wide(8192)).toEqual(["linear > activation"]);
    expect(wide(8193)).toEqual(["linear > linear", "linear > linear", "- > activation"]);
  });
});
