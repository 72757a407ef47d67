/**
 * A long short-term memory, step by step. All steps' W x + b at once, then with R by direction for step t
 *
 *     i, o, f, g = parts(W x_t + b + R h),  c = sigmoid(f) c + sigmoid(i) tanh(g),  h = sigmoid(o) tanh(c)
 *
 * where h and c begin with zeros, and the second direction's step t is that of x at T - 1 - t. No kernel hands states from one
 * workgroup to the next, so that each step is kernels of its own, both directions in one. Precondition: the number of steps is
 * known.
 */
import type { Builder } from "../../../ir/builder.ts";
import { isStatic } from "../../../ir/dim.ts";
import type { Value } from "../../../ir/value.ts";
import { any, maybe, op, weight } from "../../../passes/pattern.ts";
import { defineRule } from "../../../passes/rule.ts";

export const unrollLstm = defineRule({
  name: "kernel-unroll-lstm",
  pattern: op.lstm(any("x"), weight("inputs"), weight("recurrence"), maybe(weight("bias"))),
  where: ({ x }) => {
    const [n = 0, t = 0] = x.type.shape;
    return isStatic(n) && isStatic(t) ? { n, t } : "its steps depend on the size";
  },
  rewrite: ({ root, x, inputs, recurrence, bias, n, t }, b) => {
    const [ways = 1, rows = 4, hidden = 1] = recurrence.type.shape.map(Number);
    const matrix = b.reshape(inputs, { shape: [ways * rows, x.type.shape[2] ?? 1] });
    const gates = b.linear(x, matrix, bias === undefined ? undefined : sumOfHalves(b, bias, ways * rows));
    const back = b.transpose(recurrence, { perm: [0, 2, 1] });
    const states: Value[] = [];
    let cell: Value | undefined;
    for (let step = 0; step < t; step++) {
      const own = stepOf(b, gates, step, { n, t, ways, rows });
      const last = states.at(-1);
      const sum = last === undefined ? own : b.add(b.matmul(last, back), own);
      const gate = (place: number): Value =>
        b.slice(sum, { axis: 2, range: [place * hidden, (place + 1) * hidden], step: 1 });
      const fresh = b.mul(sigmoid(b, gate(0)), tanh(b, gate(3)));
      cell = cell === undefined ? fresh : b.add(b.mul(sigmoid(b, gate(2)), cell), fresh);
      states.push(b.mul(sigmoid(b, gate(1)), tanh(b, cell)));
    }
    const steps = states.map((_, i) => outputOf(b, states, i, { n, ways, hidden }));
    return b.reshape(b.concat(steps, { axis: 1 }), { shape: root.type.shape });
  },
});

const sigmoid = (b: Builder, x: Value): Value => b.activation(x, { kind: "sigmoid" });
const tanh = (b: Builder, x: Value): Value => b.activation(x, { kind: "tanh" });

/** A bias [D, 8 H], of W x and of R h, as one vector. */
function sumOfHalves(b: Builder, bias: Value, width: number): Value {
  const rows = Number(bias.type.shape[1]) / 2;
  const half = (i: number): Value => b.slice(bias, { axis: 1, range: [i * rows, (i + 1) * rows], step: 1 });
  return b.reshape(b.add(half(0), half(1)), { shape: [width] });
}

interface Extents {
  readonly n: number;
  readonly ways: number;
}

/** What step `step` adds to its gates, by direction: [D, N, 4 H] of [N, T, D 4 H]. */
function stepOf(
  b: Builder,
  gates: Value,
  step: number,
  { n, t, ways, rows }: Extents & { readonly t: number; readonly rows: number },
): Value {
  const parts = Array.from({ length: ways }, (_, way) => {
    const at = way === 0 ? step : t - 1 - step;
    const one = b.slice(gates, { axis: 1, range: [at, at + 1], step: 1 });
    const own = ways === 1 ? one : b.slice(one, { axis: 2, range: [way * rows, (way + 1) * rows], step: 1 });
    return b.reshape(own, { shape: [1, n, rows] });
  });
  return parts.length === 1 ? (parts[0] as Value) : b.concat(parts, { axis: 0 });
}

/** The result's step `at`, [N, 1, D H]: the second direction made it T - 1 - at steps after its first. */
function outputOf(
  b: Builder,
  states: readonly Value[],
  at: number,
  { n, ways, hidden }: Extents & { readonly hidden: number },
): Value {
  const parts = Array.from({ length: ways }, (_, way) => {
    const state = states[way === 0 ? at : states.length - 1 - at] as Value;
    const own = ways === 1 ? state : b.slice(state, { axis: 0, range: [way, way + 1], step: 1 });
    return b.reshape(own, { shape: [n, 1, hidden] });
  });
  return parts.length === 1 ? (parts[0] as Value) : b.concat(parts, { axis: 2 });
}
