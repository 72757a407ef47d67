/**
 * A batch norm works channel by channel, so that of joined channels is the join of the norms of each part:
 *
 *     bn(concat(x1, x2, ...), p) = concat(bn(x1, p[c0..c1]), bn(x2, p[c1..c2]), ...)
 *
 * exact, with parameters that are slices. Preconditions: channels are joined, and every part is a convolution with weights
 * that nothing else uses, so that `fold-batch-norm` makes each norm vanish; on its own the rule saves nothing. Mixed
 * convolutions (MixNet: kernels of several sizes side by side) have such norms, and ONNX Runtime does not fold them.
 */
import { isStatic } from "../../ir/dim.ts";
import { type Value, is } from "../../ir/value.ts";
import { bind, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";

export const splitBatchNorm = defineRule({
  name: "split-batch-norm",
  pattern: op.batch_norm(
    bind("joined", op.concat()),
    weight("scale"),
    weight("shift"),
    weight("mean"),
    weight("variance"),
  ),
  where: ({ joined }, graph) => {
    if (joined.attrs.axis !== 1) return "the parts are not joined by channels";
    const other = parts(joined).find((x) => graph.useCount(x) !== 1 || !foldsNorm(x));
    return other === undefined || `${other.op} with ${graph.useCount(other)} uses is no convolution to fold into`;
  },
  rewrite: ({ root, joined, scale, shift, mean, variance }, b) => {
    let start = 0;
    const norms = parts(joined).map((x) => {
      const width = x.type.shape[1] ?? 0;
      const range = [start, start + (isStatic(width) ? width : 0)];
      start = range[1] ?? start;
      const own = (vector: Value): Value => b.slice(vector, { axis: 0, range });
      return b.batch_norm(x, own(scale), own(shift), own(mean), own(variance), root.attrs);
    });
    return b.concat(norms, { axis: 1 });
  },
});

const foldsNorm = (x: Value): boolean =>
  is(x, "conv") && x.operands.slice(1).every((parameter) => parameter === undefined || parameter.isWeight);

const parts = (joined: Value<"concat">): readonly Value[] =>
  joined.operands.flatMap((x) => (x === undefined ? [] : [x]));
