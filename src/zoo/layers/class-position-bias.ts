import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";
import type { Pair } from "./conv.ts";
import { relativePositionIndex } from "./window.ts";

/**
 * Where a pair of tokens finds its bias when a class token precedes those of a window: the table's last three rows are
 * for the class token towards the others, the others towards it, and itself (BEiT, Bao et al. 2021).
 */
const indexWithClass = (s: Scope, window: Pair): Value =>
  s.shared(`relative position index of a class token and ${window.join("x")}`, () => {
    const n = window[0] * window[1];
    const inside = (2 * window[0] - 1) * (2 * window[1] - 1);
    const int = (value: number, shape: readonly number[]): Value =>
      s.constant({ values: [value], dtype: "i64", shape });
    const first = s.concat([int(inside + 2, [1, 1]), int(inside, [1, n])], { axis: 1 });
    const others = s.concat([int(inside + 1, [n, 1]), relativePositionIndex(s, window)], { axis: 1 });
    return s.concat([first, others], { axis: 0 });
  });

/** A learned bias for the scores of a class token and the tokens of a window, [1, heads, 1 + N, 1 + N]. */
export function classPositionBias(s: Scope, heads: number, window: Pair): Value {
  const rows = (2 * window[0] - 1) * (2 * window[1] - 1) + 3;
  const n = window[0] * window[1] + 1;
  const table = s.param("relative_position_bias_table", [rows, heads]);
  const pairs = s.gather(table, indexWithClass(s, window), { axis: 0 });
  return s.reshape(s.transpose(pairs, { perm: [2, 0, 1] }), { shape: [1, heads, n, n] });
}
