import { describe, expect, it } from "vitest";
import { type Program, buildProgram } from "../../../src/backends/kernel/build.ts";
import { inPlace } from "../../../src/backends/kernel/in-place.ts";
import type { Plan, Schedule } from "../../../src/backends/kernel/schedule.ts";
import type { Graph } from "../../../src/ir/graph.ts";
import type { Value } from "../../../src/ir/value.ts";
import { Net } from "./network.ts";

const column: Plan = { threads: 2, registers: 1, vector: 4 };

/** The results that lie in the place of an operand, by their ops. */
function joined(graph: Graph, plans: Schedule["plans"] = {}): string[] {
  const program: Program = buildProgram(graph);
  const schedules = program.kernels.map((): Schedule => ({ plans }));
  const { kernels } = inPlace(program, schedules);
  const own = kernels.filter(({ output }, i) => output.buffer !== program.kernels[i]?.output.buffer);
  return own.map(({ output }) => output.value.op);
}

/** A residual addition behind a projection. */
function residual(net: Net, also: (x: Value, sum: Value) => readonly Value[] = () => []): Graph {
  const x = net.norm(net.input([1, 5, 8]));
  const sum = net.op("add", [net.linear(net.linear(x, 16), 8), x], {});
  return net.outputs(net.norm(sum), ...also(x, sum));
}

describe("a result lies in the place of an operand", () => {
  it("that each thread reads where it writes, and nobody reads behind", () => {
    expect(joined(residual(new Net()))).toEqual(["add"]);
    expect(joined(residual(new Net()), { o: column })).toEqual(["add"]);
  });
  it("but of none that is an output or is read later", () => {
    expect(joined(residual(new Net(), (x) => [x]))).toEqual([]);
    const net = new Net();
    expect(joined(residual(net, (x, sum) => [net.op("mul", [net.norm(sum), x], {})]))).toEqual(["mul"]);
  });
  it("nor where vectors do not divide the axes: a thread would load elements of another", () => {
    expect(joined(residual(new Net()), { m: { ...column, registers: 2, vector: 1 } })).toEqual(["add"]);
    expect(joined(residual(new Net()), { m: column })).toEqual([]);
  });
  it("nor where an element is read that another thread writes", () => {
    const net = new Net();
    const x = net.norm(net.input([1, 4, 4]));
    const sum = net.op("add", [net.linear(net.linear(x, 16), 4), net.transpose(x, [0, 2, 1])], {});
    expect(joined(net.outputs(net.norm(sum)))).toEqual([]);
  });
  it("nor where it is summed", () => {
    const net = new Net();
    const x = net.norm(net.input([1, 4, 4]));
    expect(joined(net.outputs(net.norm(net.op("add", [net.linear(x, 4), x], {}))))).toEqual([]);
  });
});
