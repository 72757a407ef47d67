/**
 * A gate [N, C, 1, 1] may be spread over the map before it multiplies it:
 *
 *     x gate = x resize(gate)    with every pixel of resize(gate) equal to the gate of its channel
 *
 * exact to the bit. Preconditions: x is [N, C, H, W] with static H and W, two pixels or more, and the gate is that of a
 * squeeze-excite: the mean of the same x over H and W, through layers with weights that keep the blocked layout; x comes
 * from a convolution, through such layers too.
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
    if (h * w < 2) return "the map has fewer than two pixels";
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
/** What a convolution's map keeps the layout through; a map that left it, as by a group norm, need not come back. */
const pointwise: ReadonlySet<OpName> = new Set(["activation", "batch_norm", "clamp"]);

function squeezes(x: Value, gate: Value): true | string {
  const mean = source(gate, excitation);
  const isMean =
    (is(mean, "reduce_mean") && mean.attrs.axes.join() === "2,3") ||
    (is(mean, "avg_pool") && mean.type.shape.slice(2).every((d) => d === 1));
  if (!isMean) return `the gate comes from ${mean.op}, and not from the mean of a map`;
  if (mean.operands[0] !== x) return "the gate comes from the mean of another map";
  const maker = source(x, pointwise);
  return maker.op === "conv" || `the map comes from ${maker.op}, and not from a convolution`;
}

/** What a value is made of by layers with weights, of some kinds. */
function source(value: Value, layers: ReadonlySet<OpName>): Value {
  const [x, ...rest] = value.operands;
  const passes = x !== undefined && layers.has(value.op) && rest.every((v) => v === undefined || v.isWeight);
  return passes ? source(x, layers) : value;
}
