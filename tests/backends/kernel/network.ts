import * as fc from "fast-check";
import { Graph } from "../../../src/ir/graph.ts";
import type { Environment } from "../../../src/ir/interpret.ts";
import { ndarray } from "../../../src/ir/ndarray.ts";
import type { OpName } from "../../../src/ir/ops/index.ts";
import { count } from "../../../src/ir/type.ts";
import type { Attrs, Value } from "../../../src/ir/value.ts";

/** Builds graphs for tests: values by their ops, parameters where they are used. */
export class Net {
  readonly graph = new Graph("net");
  private names = 0;

  private origin(): { path: string; rules: string[] } {
    return { path: `v${this.names++}`, rules: [] };
  }

  input(shape: readonly number[]): Value {
    return this.graph.insert("input", [], { dtype: "f32", shape }, this.origin());
  }

  param(shape: readonly number[]): Value {
    const origin = this.origin();
    return this.graph.insert("param", [], { key: origin.path, dtype: "f32", shape }, origin);
  }

  op<N extends OpName>(op: N, operands: readonly (Value | undefined)[], attrs: Partial<Attrs<N>>): Value {
    return this.graph.insert(op, operands, attrs as never, this.origin());
  }

  conv(x: Value, channels: number, extent: number, groups = 1, stride = 1): Value {
    const [, c = 1] = shapeOf(x);
    const p = Math.floor(extent / 2);
    const weight = this.param([channels, c / groups, extent, extent]);
    const attrs = { stride: [stride, stride], padding: [p, p, p, p], dilation: [1, 1], groups };
    return this.op("conv", [x, weight, this.param([channels])], attrs);
  }

  linear(x: Value, channels: number): Value {
    return this.op("linear", [x, this.param([channels, shapeOf(x).at(-1) ?? 1]), this.param([channels])], {});
  }

  activation(x: Value, kind: "relu" | "silu" | "hard_swish"): Value {
    return this.op("activation", [x], { kind });
  }

  transpose(x: Value, perm: number[]): Value {
    return this.op("transpose", [x], { perm });
  }

  reshape(x: Value, shape: number[]): Value {
    return this.op("reshape", [x], { shape });
  }

  norm(x: Value): Value {
    const width = [shapeOf(x).at(-1) ?? 1];
    return this.op("layer_norm", [x, this.param(width), this.param(width)], { eps: 1e-5 });
  }

  /** The mean over rows and columns as a gate of one number per channel. */
  gate(x: Value): Value {
    const mean = this.op("reduce_mean", [x], { axes: [2, 3], keep: true });
    return this.activation(this.conv(mean, shapeOf(x)[1] ?? 1, 1), "hard_swish");
  }

  outputs(...values: readonly Value[]): Graph {
    this.graph.setOutputs(values.map((value, i) => ({ name: `y${i}`, value })));
    return this.graph;
  }
}

export const shapeOf = (value: Value): readonly number[] => value.type.shape as readonly number[];

/** Numbers by name, the same on every run: inputs of about 1, parameters of about 0.5. */
export const environment: Environment = {
  input: (name, { shape }) => draw(name, shape, 1),
  param: (key, { shape }) => draw(key, shape, 0.5),
  symbols: {},
};

function draw(name: string, shape: readonly number[], spread: number): ReturnType<typeof ndarray> {
  let state = [...name].reduce((hash, letter) => (Math.imul(hash, 31) + letter.charCodeAt(0)) >>> 0, 7);
  const data = new Float64Array(count(shape)).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.fround((state / 2 ** 31 - 1) * spread);
  });
  return ndarray("f32", shape, data);
}

/** A step of a random network: which values it reads, and what it does with them, of as many as there are. */
const step = fc.record({ what: fc.nat(), x: fc.nat(), y: fc.nat(), detail: fc.nat() });

/** Networks of maps: point ops around roots, with several uses, broadcasting, movements, and outputs in their midst. */
export const networks = fc
  .record({ steps: fc.array(step, { minLength: 3, maxLength: 14 }), taps: fc.array(fc.nat(), { maxLength: 2 }) })
  .map(({ steps, taps }) => {
    const net = new Net();
    const values = [net.input([1, 4, 5, 4])];
    const pick = (n: number): Value => values[values.length - 1 - (n % Math.min(values.length, 5))] as Value;
    for (const { what, x, y, detail } of steps) {
      const made = grow(net, pick(x), pick(y), what, detail);
      if (made !== undefined && count(shapeOf(made)) < 2000) values.push(made);
    }
    return net.outputs(values.at(-1) as Value, ...taps.map(pick));
  });

function grow(net: Net, x: Value, y: Value, what: number, detail: number): Value | undefined {
  const shape = shapeOf(x);
  const isMap = shape.length === 4;
  const same = shape.join() === shapeOf(y).join();
  const kinds = ["relu", "silu", "hard_swish"] as const;
  const choices: readonly (() => Value | undefined)[] = [
    () => net.activation(x, kinds[detail % 3] ?? "relu"),
    () =>
      net.op(detail % 2 === 0 ? "add" : "mul", [x, same ? y : net.param(shape.map((n, i) => (i === 1 ? n : 1)))], {}),
    () => net.op("mul", [x, net.activation(x, "hard_swish")], {}),
    () => (isMap ? net.op("mul", [x, net.gate(x)], {}) : net.norm(x)),
    () =>
      isMap
        ? net.conv(x, [4, 6, 8][detail % 3] ?? 4, detail % 2 === 0 ? 1 : 3, 1, 1 + (detail % 5 === 0 ? 1 : 0))
        : net.linear(x, 4 + 2 * (detail % 3)),
    () => (isMap ? net.conv(x, shape[1] ?? 1, 3, shape[1]) : net.linear(x, shape.at(-1) ?? 1)),
    () =>
      net.transpose(
        x,
        isMap
          ? ([
              [0, 2, 3, 1],
              [0, 3, 1, 2],
              [0, 3, 2, 1],
            ][detail % 3] ?? [])
          : [0, 2, 1],
      ),
    () => (isMap ? net.reshape(x, [shape[0] ?? 1, shape[1] ?? 1, (shape[2] ?? 1) * (shape[3] ?? 1)]) : net.norm(x)),
    () => net.op("roll", [x], { axis: shape.length - 1 - (detail % 2), shift: 1 + (detail % 2) }),
    () => (same ? net.op("concat", [x, y], { axis: 1 + (detail % 2) }) : undefined),
    () => (same && x !== y ? net.op("concat", [x, net.activation(y, "relu"), x], { axis: 1 }) : undefined),
    () => net.op("slice", [x], { axis: 1, range: [detail % 2, (shape[1] ?? 2) - 1], step: 1 }),
    () => net.op("softmax", [x], { axis: shape.length - 1 }),
    () => (isMap ? net.op("max_pool", [x], { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1] }) : net.norm(x)),
    () => net.norm(x),
  ];
  return choices[what % choices.length]?.();
}
