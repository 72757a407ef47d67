import type { Dim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Module, Scope } from "../scope.ts";

interface LstmOptions {
  /** Width of a direction. */
  readonly hidden: number;
  readonly layers: number;
  readonly bidirectional: boolean;
}

/** The tensors of the directions along a new first axis. */
const stacked = (s: Scope, values: readonly Value[]): Value =>
  s.concat(
    values.map((x) => s.reshape(x, { shape: [1, ...x.type.shape] })),
    { axis: 0 },
  );

/** torch has the rows of the gates in the order i, f, g, o; the op's is i, o, f, g. */
function inOrder(s: Scope, rows: Value, hidden: number): Value {
  const part = (from: number, to: number): Value => s.slice(rows, { axis: 1, range: [from * hidden, to * hidden] });
  return s.concat([part(0, 1), part(3, 4), part(1, 3)], { axis: 1 });
}

/**
 * nn.LSTM with biases, over [N, T, C], sequences first: [N, T, H] of the last layer, or [N, T, 2 H] where bidirectional. Of
 * every layer and direction (`_reverse`) there are `weight_ih` [4 H, inputs], `weight_hh` [4 H, H], `bias_ih` and `bias_hh`
 * [4 H].
 */
export const lstm =
  ({ hidden, layers, bidirectional }: LstmOptions): Module =>
  (s, x) => {
    const direction = bidirectional ? "bidirectional" : "forward";
    const suffixes = bidirectional ? ["", "_reverse"] : [""];
    let y = x;
    for (let layer = 0; layer < layers; layer++) {
      const rows = (name: string, ...width: readonly Dim[]): Value => {
        const ways = suffixes.map((suffix) => s.param(`${name}_l${layer}${suffix}`, [4 * hidden, ...width]));
        return inOrder(s, stacked(s, ways), hidden);
      };
      const weight = rows("weight_ih", y.type.shape[2] ?? 0);
      const recurrence = rows("weight_hh", hidden);
      y = s.lstm(y, weight, recurrence, s.concat([rows("bias_ih"), rows("bias_hh")], { axis: 1 }), { direction });
    }
    return y;
  };
