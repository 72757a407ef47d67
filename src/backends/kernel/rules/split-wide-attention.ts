/**
 * attention(q, k, v, bias) = softmax(q k^T scale + bias) v in three kernels. The one kernel of attention keeps a row of the
 * result in registers, which is too much for wide ones: attention over channels, whose rows are the positions of a map, has
 * thousands. Precondition: the scores, which are then stored, are no more than the queries and the result, as those of
 * channels are; those of many positions never are.
 */
import { isStatic } from "../../../ir/dim.ts";
import { any, maybe, op } from "../../../passes/pattern.ts";
import { defineRule } from "../../../passes/rule.ts";

/** The most numbers of a result's row that a thread keeps. */
const widest = 128;

export const splitWideAttention = defineRule({
  name: "kernel-split-wide-attention",
  pattern: op.attention(any("q"), any("k"), any("v"), maybe(any("bias"))),
  where: ({ q, k, v }) => {
    const [d, m, e] = [q.type.shape.at(-1) ?? 0, k.type.shape.at(-2) ?? 0, v.type.shape.at(-1) ?? 0];
    if (!isStatic(d) || !isStatic(m) || !isStatic(e)) return "its extents depend on the size";
    if (e <= widest) return `rows of ${e} numbers fit into registers`;
    return m <= d + e || `${m} scores a row are more than its ${d} queries and ${e} results`;
  },
  rewrite: ({ root, q, k, v, bias }, b) => {
    const axes = k.type.shape.map((_, i) => i);
    const perm = [...axes.slice(0, -2), axes.length - 1, axes.length - 2];
    const products = b.matmul(q, b.transpose(k, { perm }));
    const scaled = b.mul(products, b.constant({ values: [root.attrs.scale], dtype: root.type.dtype }));
    const scores = bias === undefined ? scaled : b.add(scaled, bias);
    return b.matmul(b.softmax(scores, { axis: -1 }), v);
  },
});
