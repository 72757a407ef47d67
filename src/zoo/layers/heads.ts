import { mulDim } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import type { Scope } from "../scope.ts";

/** [N, L, h d] to [N, h, L, d]: every head attends alone. */
export function splitHeads(s: Scope, x: Value, heads: number): Value {
  const [n = 1, l = 1, c = 1] = x.type.shape;
  const d = s.static(c, "the width of attention heads") / heads;
  return s.transpose(s.reshape(x, { shape: [n, l, heads, d] }), { perm: [0, 2, 1, 3] });
}

/** [N, h, L, d] back to [N, L, h d]. */
export function mergeHeads(s: Scope, x: Value): Value {
  const [n = 1, h = 1, l = 1, d = 1] = x.type.shape;
  return s.reshape(s.transpose(x, { perm: [0, 2, 1, 3] }), { shape: [n, l, mulDim(h, d)] });
}

/** [N, L, h d] to [N, h, d, L]: every head's channels attend to each other, over the tokens. */
export function splitChannels(s: Scope, x: Value, heads: number): Value {
  const [n = 1, l = 1, c = 1] = x.type.shape;
  const d = s.static(c, "the width of attention heads") / heads;
  return s.transpose(s.reshape(x, { shape: [n, l, heads, d] }), { perm: [0, 2, 3, 1] });
}

/** [N, h, d, L] back to [N, L, h d]. */
export function mergeChannels(s: Scope, x: Value): Value {
  const [n = 1, h = 1, d = 1, l = 1] = x.type.shape;
  return s.reshape(s.transpose(x, { perm: [0, 3, 1, 2] }), { shape: [n, l, mulDim(h, d)] });
}
