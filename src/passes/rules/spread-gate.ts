/**
 * A gate [N, C, 1, 1] may be spread over the map before it multiplies it:
 *
 *     x gate = x resize(gate)    with every pixel of resize(gate) equal to the gate of its channel
 *
 * exact to the bit. Preconditions: x is [N, C, H, W] with static H and W, and the gate is that of a squeeze-excite: the
 * mean of the same x over H and W, through convolutions with weights and activations.
 * It saves no arithmetic and costs one more map; it pays under ONNX Runtime alone, whose blocked layout of convolutions
 * has a product of equal shapes and an enlargement by nearest, but no product that broadcasts: there every gate would
 * take the map out of the layout and back (bench/forms/squeeze-excite.ts).
 */
import { isStatic, sameDim } from "../../ir/dim.ts";
import type { OpName } from "../../ir/ops/index.ts";
import { type Value, is } from "../../ir/value.ts";
import { any, op } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const spreadGate = defineRule({
  name: "spread-gate",
  pattern: op.mul(any("a"), any("b")),
  where: ({ a, b }) => {
    const [x, gate] = roles(a, b);
    const [n, c, h, w] = x.type.shape;
    if (n === undefined || c === undefined || h === undefined || w === undefined || x.type.shape.length !== 4)
      return "it multiplies no map [N, C, H, W]";
    const [gn, gc, gh, gw] = gate.type.shape;
    const spreads = gate.type.shape.length === 4 && sameDim(n, gn ?? 0) && sameDim(c, gc ?? 0) && gh === 1 && gw === 1;
    if (!spreads) return "neither factor is a gate [N, C, 1, 1]";
    if (!isStatic(h) || !isStatic(w)) return "the map's extents are symbols";
    if (h * w === 1) return "the map is one pixel";
    return squeezes(x, gate);
  },
  rewrite: ({ a, b: other }, b) => {
    const [x, gate] = roles(a, other);
    return b.mul(x, b.resize(gate, { axes: [2, 3], size: x.type.shape.slice(2), mode: "nearest" }));
  },
});

/** The map and its gate: a factor with one pixel is the gate. */
function roles(a: Value, b: Value): readonly [x: Value, gate: Value] {
  const isPixel = a.type.shape.length === 4 && a.type.shape.slice(2).every((d) => d === 1);
  return isPixel ? [b, a] : [a, b];
}

/**
 * What may stand between the mean and the gate: what keeps the blocked layout, with weights. A gate that a reshape takes
 * out of it, as that of an attention by a convolution over channels (ECA), is spread outside of it: 1.08 of the time of
 * ecaresnet50t.
 */
const excitation: ReadonlySet<OpName> = new Set(["activation", "batch_norm", "clamp", "conv"]);

function squeezes(x: Value, gate: Value): true | string {
  let value: Value = gate;
  while (excitation.has(value.op) && value.operands.slice(1).every((v) => v === undefined || v.isWeight)) {
    const [next] = value.operands;
    if (next === undefined) break;
    value = next;
  }
  const isMean =
    (is(value, "reduce_mean") && value.attrs.axes.join() === "2,3") ||
    (is(value, "avg_pool") && value.type.shape.slice(2).every((d) => d === 1));
  if (!isMean) return `the gate comes from ${value.op}, and not from the mean of a map`;
  return value.operands[0] === x || "the gate comes from the mean of another map";
}
