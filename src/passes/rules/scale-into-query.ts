/**
 * The scale of an attention belongs to its queries, and the queries are linear in the weights that make them:
 *
 *     softmax(s (x Wq^T + bq) k^T + B) v = softmax((x (s Wq)^T + s bq) k^T + B) v
 *
 * where nothing but movements stands between the projection and the queries. (For a projection packed of queries, keys
 * and values see scale-into-packed-query.)
 *
 * Exact in real numbers. In floats: exact where s is a power of two (head widths 16, 64, 256); elsewhere one rounding of
 * each weight takes the place of one rounding of each query or product, both within half a unit in the last place.
 *
 * Preconditions: kernel and bias are weights, and nothing else reads the projection. One node per attention less: ONNX
 * Runtime turns the Mul into a factor of its matrix product and runs as fast without (ratio 1.00), but need not find it
 * first: sessions start in 0.92 (vit_tiny) to 0.97 (swin_tiny) of the time.
 */
import { any, bind, chain, maybe, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";
import { replay } from "./common/replay.ts";

export const scaleIntoQuery = defineRule({
  name: "scale-into-query",
  pattern: op.attention(
    chain(["reshape", "transpose"], bind("projected", op.linear(any("x"), weight("kernel"), maybe(weight("offset"))))),
    any("k"),
    any("v"),
    maybe(any("bias")),
  ),
  where: ({ root }) => root.attrs.scale !== 1 || "the scale is 1 already",
  rewrite: ({ root, projected, x, kernel, offset, k, v, bias }, b) => {
    const factors = b.constant({ values: [root.attrs.scale], dtype: kernel.type.dtype, shape: [] });
    const scaled = b.linear(x, b.mul(kernel, factors), offset && b.mul(offset, factors));
    const [queries = projected] = root.operands;
    return b.attention(replay(b, projected, queries, scaled), k, v, bias, { scale: 1 });
  },
});
