/**
 * The scale of an attention goes into a projection packed of queries, keys and values, of which the rows of the queries
 * alone are scaled: the law of scale-into-query with
 *
 *     [s q, k, v] = x [s Wq, Wk, Wv]^T + [s bq, bk, bv]
 *
 * Exact as there. Preconditions: kernel and bias are weights; the projection is used by the three slices alone, and the
 * slice of the queries overlaps none of the others. Saves one node per attention, as there.
 */
import type { Builder } from "../../ir/builder.ts";
import { isStatic } from "../../ir/dim.ts";
import type { Value } from "../../ir/value.ts";
import { any, bind, chain, maybe, op, used, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";
import { replay } from "./common/replay.ts";

const moves = ["reshape", "transpose"] as const;
const projection = op.linear(any("x"), weight("kernel"), maybe(weight("offset")));
const part = <const S extends string>(name: S) => bind(name, op.slice(any("packed")));

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
    return root.attrs.scale === 1 ? "the scale is 1 already" : { own };
  },
  rewrite: ({ root, packed, x, kernel, offset, own, bias: scores }, b) => {
    const factors = factorsOf(root, kernel, own, b);
    const bias = offset && b.mul(offset, b.reshape(factors, { shape: offset.type.shape }));
    const scaled = b.linear(x, b.mul(kernel, factors), bias);
    const again = root.operands.slice(0, 3).map((x) => replay(b, packed, x ?? packed, scaled));
    const [queries = scaled, keys = scaled, values = scaled] = again;
    return b.attention(queries, keys, values, scores, { scale: 1 });
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
