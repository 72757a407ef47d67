/** Biases of attention scores by relative position that several families share (timm's layers/pos_embed_rel.py). */
import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";
import { act } from "./act.ts";
import type { Pair } from "./conv.ts";
import { linear } from "./linear.ts";
import { relativePositionBias, relativePositionIndex } from "./window.ts";

const rowsOf = ([h, w]: Pair): number => (2 * h - 1) * (2 * w - 1);

/**
 * Where a pair of tokens finds its bias when a class token precedes those of a window: the table's last three rows are
 * for the class token towards the others, the others towards it, and itself (BEiT, Bao et al. 2021).
 */
const indexWithClass = (s: Scope, window: Pair): Value =>
  s.shared(`relative position index of a class token and ${window.join("x")}`, () => {
    const n = window[0] * window[1];
    const inside = rowsOf(window);
    const int = (value: number, shape: readonly number[]): Value =>
      s.constant({ values: [value], dtype: "i64", shape });
    const first = s.concat([int(inside + 2, [1, 1]), int(inside, [1, n])], { axis: 1 });
    const others = s.concat([int(inside + 1, [n, 1]), relativePositionIndex(s, window)], { axis: 1 });
    return s.concat([first, others], { axis: 0 });
  });

/** timm's RelPosBias: a learned table, [1, heads, prefix + N, prefix + N] for a window of N tokens after `prefix` others. */
export function tableBias(s: Scope, heads: number, window: Pair, prefix: 0 | 1 = 0): Value {
  const table = s.param("relative_position_bias_table", [rowsOf(window) + 3 * prefix, heads]);
  if (prefix === 0) return relativePositionBias(s, table, window);
  const n = window[0] * window[1] + 1;
  const pairs = s.gather(table, indexWithClass(s, window), { axis: 0 });
  return s.reshape(s.transpose(pairs, { perm: [2, 0, 1] }), { shape: [1, heads, n, n] });
}

/** timm's RelPosBiasTf: the table holds a map per head, and the step is from the first token to the second. */
export function mapBias(s: Scope, heads: number, window: Pair): Value {
  const n = window[0] * window[1];
  const table = s.param("relative_position_bias_table", [heads, 2 * window[0] - 1, 2 * window[1] - 1]);
  const index = s.transpose(relativePositionIndex(s, window), { perm: [1, 0] });
  const pairs = s.gather(s.reshape(table, { shape: [heads, rowsOf(window)] }), index, { axis: 1 });
  return s.reshape(pairs, { shape: [1, heads, n, n] });
}

/** sign(x) log(1 + |x|): near steps are told apart better than far ones (Liu et al. 2021, Swin V2, eq. 4). */
const signedLog = (s: Scope, x: Value): Value => {
  const size = s.log(s.add(s.abs(x), s.scalar(1)));
  return s.where(s.less(x, s.scalar(0)), s.neg(size), size);
};

/** All steps between tokens of a window, row and column, [(2h - 1)(2w - 1), 1] each. */
export function relativeSteps(s: Scope, window: Pair): readonly [row: Value, column: Value] {
  const int = (value: number): Value => s.scalar(value, "i64");
  const at = s.iota({ axis: 0, shape: [rowsOf(window), 1] });
  const width = int(2 * window[1] - 1);
  const step = (x: Value, extent: number): Value => s.cast(s.sub(x, int(extent - 1)), { to: "f32" });
  return [step(s.floor_div(at, width), window[0]), step(s.mod(at, width), window[1])];
}

interface StepBiasOptions {
  /** "swin": steps relative to a window, and 16 sigmoid of the result; "cr": steps in tokens. */
  readonly mode: "swin" | "cr";
  /** The window that steps are relative to; the own one without it. */
  readonly reference?: Pair | undefined;
}

/** Biases [1, heads, N, N] of a window of N tokens from a network over logarithmic steps, [steps, 2] to [steps, heads]. */
export function stepBias(
  s: Scope,
  window: Pair,
  { mode, reference = window }: StepBiasOptions,
  network: (steps: Value) => Value,
): Value {
  const swin = mode === "swin";
  const steps = relativeSteps(s, window).map((step, axis) => {
    const scaled = swin ? s.mul(step, s.scalar(8 / ((reference[axis] ?? 1) - 1))) : step;
    const log = signedLog(s, scaled);
    return swin ? s.mul(log, s.scalar(1 / Math.log(8))) : log;
  });
  const bias = relativePositionBias(s, network(s.concat(steps, { axis: 1 })), window);
  return swin ? s.mul(s.activation(bias, { kind: "sigmoid" }), s.scalar(16)) : bias;
}

interface MlpBiasOptions {
  readonly hidden: number;
  readonly mode: StepBiasOptions["mode"];
  readonly prefix?: 0 | 1;
  /** The module's name. */
  readonly name?: string;
}

/** timm's RelPosMlp, so that windows may have any size. Tokens before the window have no bias. */
export function mlpBias(s: Scope, heads: number, window: Pair, o: MlpBiasOptions): Value {
  const { hidden, mode, prefix = 0, name = "mlp" } = o;
  const layers: Module = (t, x) =>
    t.chain(x, { fc1: linear(hidden), act: act("relu"), fc2: linear(heads, { bias: mode === "cr" }) });
  const bias = stepBias(s, window, { mode }, (steps) => s.call(name, layers, steps));
  return prefix === 0 ? bias : s.pad(bias, { padding: [0, 0, prefix, prefix, 0, 0, 0, 0] });
}
