/**
 * A batch norm after a convolution is a convolution. With g = weight / sqrt(var + eps) per output channel,
 *
 *     bn(conv(x, W, b)) = conv(x, W g, (b - mean) g + bias)
 *
 * exact up to rounding, for any padding: zeros enter the convolution before the affine map in both forms.
 * Preconditions: the convolution has no other use (its own result is not an output or a tap), and its parameters are
 * weights. Loses nothing; the folded weights are expressions, evaluated in float64 at emission and rounded once.
 */
import { type Builder, builderAt } from "../ir/builder.ts";
import type { Graph } from "../ir/graph.ts";
import { type OpName, ops } from "../ir/ops/index.ts";
import { type Value, is } from "../ir/value.ts";
import type { Pass } from "./pass.ts";

const opNames = Object.keys(ops) as OpName[];

export const foldBatchNorm: Pass = {
  name: "fold-batch-norm",
  run(graph) {
    let folded = 0;
    for (const norm of graph.values()) {
      if (!is(norm, "batch_norm")) continue;
      const [conv] = norm.operands;
      if (
        !is(conv, "conv") ||
        graph.useCount(conv) !== 1 ||
        !conv.operands.slice(1).every((w) => w === undefined || w.isWeight)
      )
        continue;
      if (!norm.operands.slice(1).every((w) => w?.isWeight)) continue;
      fold(graph, conv, norm);
      folded++;
    }
    return { "fold-batch-norm": folded };
  },
};

function fold(graph: Graph, conv: Value<"conv">, norm: Value<"batch_norm">): void {
  const [, scale, shift, mean, variance] = norm.operands as readonly [Value, Value, Value, Value, Value];
  const [x, weight, bias] = conv.operands as readonly [Value, Value, Value | undefined];
  const origin = { path: conv.origin.path, rules: [...conv.origin.rules, ...norm.origin.rules, "fold-batch-norm"] };
  const b: Builder = builderAt({ graph, origin, before: norm }, opNames);
  const eps = b.constant({ values: [norm.attrs.eps], dtype: variance.type.dtype });
  const gain = b.mul(scale, b.rsqrt(b.add(variance, eps)));
  const perOutput = b.reshape(gain, { shape: weight.type.shape.map((d, axis) => (axis === 0 ? d : 1)) });
  const offset = bias === undefined ? b.mul(mean, b.neg(gain)) : b.mul(b.sub(bias, mean), gain);
  const folded = b.conv(x, b.mul(weight, perOutput), b.add(offset, shift), conv.attrs);
  graph.replaceUses(norm, folded);
  graph.erase(norm);
  graph.erase(conv);
}
