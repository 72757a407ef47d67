/**
 * The scale of an attention belongs to its queries, and the queries are linear in the weights that make them:
 *
 *     softmax(s (x Wq^T + bq) k^T + B) v = softmax((x (s Wq)^T + s bq) k^T + B) v
 *
 * where nothing but movements stands between the projection and the queries. Of a projection packed of queries, keys and
 * values, the rows of the queries alone are scaled.
 *
 * Exact in real numbers. In floats: exact where s is a power of two (head widths 16, 64, 256); elsewhere one rounding of
 * each weight takes the place of one rounding of each query or product, both within half a unit in the last place.
 *
 * Preconditions: the weights are weights; the packed projection is used by the three slices alone, and the slice of the
 * queries overlaps none of the others. One node per attention less: ONNX Runtime turns the Mul into a factor of its matrix
 * product and runs as fast without (ratio 1.00), but need not find it first: sessions start in 0.92 (vit_tiny) to 0.97
 * (swin_tiny) of the time.
 */
import type { Builder } from "../../ir/builder.ts";
import { isStatic } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { any, bind, chain, maybe, op, used, weight } from "../pattern.ts";
import { replay } from "../replay.ts";
import { defineRule } from "../rule.ts";

const moves = ["reshape", "transpose"] as const;
const projection = op.linear(any("x"), weight("kernel"), maybe(weight("offset")));

const isScaled = (attention: Value<"attention">): true | string =>
  attention.attrs.scale === 1 ? "the scale is 1 already" : true;

/** Queries of a projection of their own. */
export const scaleIntoQuery = defineRule({
  name: "scale-into-query",
  pattern: op.attention(chain(moves, bind("projected", projection)), any("k"), any("v"), maybe(any("bias"))),
  where: ({ root }) => isScaled(root),
  rewrite: ({ root, projected, x, kernel, offset, k, v, bias }, b) => {
    const factors = b.constant({ values: [root.attrs.scale], dtype: kernel.type.dtype, shape: [] });
    const scaled = b.linear(x, b.mul(kernel, factors), offset && b.mul(offset, factors));
    const [queries = projected] = root.operands;
    return b.attention(replay(b, projected, queries, scaled), k, v, bias, { scale: 1 });
  },
});

const part = <const S extends string>(name: S) => bind(name, op.slice(any("packed")));

/** Queries of a projection that makes keys and values as well. */
export const scaleIntoPackedQuery = defineRule({
  name: "scale-into-packed-query",
  pattern: op.attention(
    chain(moves, bind("q", op.slice(bind("packed", used(3, projection))))),
    chain(moves, part("k")),
    chain(moves, part("v")),
    maybe(any("bias")),
  ),
  where: ({ root, q, k, v }) => {
    const [own, ...others] = [q, k, v].map(rowsOf);
    if (own === undefined) return "the queries are no range of the projection's outputs";
    const apart = others.every((r) => r !== undefined && (r[1] <= own[0] || own[1] <= r[0]));
    if (!apart) return "keys or values read outputs of the queries";
    const scaled = isScaled(root);
    return scaled === true ? { own } : scaled;
  },
  rewrite: ({ root, packed, x, kernel, offset, own, bias }, b) => {
    const factors = factorsOf(root, kernel, own, b);
    const vector = b.reshape(factors, { shape: [Number(kernel.type.shape[0])] });
    const scaled = b.linear(x, b.mul(kernel, factors), offset && b.mul(offset, vector));
    const again = root.operands.slice(0, 3).map((x) => replay(b, packed, x ?? packed, scaled));
    const [queries = scaled, keys = scaled, values = scaled] = again;
    return b.attention(queries, keys, values, bias, { scale: 1 });
  },
});

/** The outputs of a projection that a slice takes, as a half-open range; undefined where it cuts along another axis. */
function rowsOf({ attrs: { axis, range, step }, type }: Value<"slice">): readonly [number, number] | undefined {
  const [start, end] = range;
  if (axis !== type.shape.length - 1 || start === undefined || end === undefined || step !== 1) return undefined;
  return isStatic(start) && isStatic(end) ? [start, end] : undefined;
}

/** A column with the scale for the rows of the queries, and one for all others. */
function factorsOf(attention: Value<"attention">, kernel: Value, [start, end]: readonly [number, number], b: Builder) {
  const rows = Number(kernel.type.shape[0]);
  const column = (value: number, n: number): Value =>
    b.constant({ values: [value], dtype: kernel.type.dtype, shape: [n, 1] });
  return b.concat([column(1, start), column(attention.attrs.scale, end - start), column(1, rows - end)], { axis: 0 });
}
