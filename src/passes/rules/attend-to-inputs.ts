/**
 * Attention of a few queries needs no keys and values of all tokens. With keys x Wk^T + bk and values x Wv^T + bv, per
 * head,
 *
 *     q (x Wk^T + bk 1)^T = (q Wk) x^T + (q . bk) 1^T      the last term is equal for all tokens: softmax drops it
 *     P (x Wv^T + 1 bv)   = (P x) Wv^T + bv                 the rows of P sum to one
 *
 * so that the tokens themselves are attended to and both projections work on the queries alone: n instead of T rows.
 * Preconditions: keys and values are the heads of linear projections of one x [N, T, C], or of slices of a packed one,
 * that the attention alone reads and whose parameters are weights; static sizes with fewer multiply-accumulates, that is,
 * n H < C or so. A class token that reads the last block, and pooling by a latent query, have n = 1: the projections of
 * the last attention of a vision transformer vanish (1.4 % of a 12-block network).
 */
import type { Builder } from "../../ir/builder.ts";
import { isStatic, mulDim, sameShape } from "../../ir/dim.ts";
import type { Graph } from "../../ir/graph.ts";
import { type Value, is } from "../../ir/value.ts";
import { any, bind, maybe, op } from "../pattern.ts";
import { defineRule } from "../rule.ts";

const heads = <const S extends string>(name: S) => bind(name, op.transpose(op.reshape(any(`${name}Tokens`))));

export const attendToInputs = defineRule({
  name: "attend-to-inputs",
  pattern: op.attention(any("q"), heads("k"), heads("v"), maybe(any("bias"))),
  where: ({ q, k, v, kTokens, vTokens }, graph) => {
    const [key, value] = [projectionOf(kTokens), projectionOf(vTokens)];
    if (typeof key === "string") return key;
    if (typeof value === "string") return value;
    if (key.x !== value.x) return "keys and values are projections of different tokens";
    if (!areForAttention(graph, kTokens, vTokens)) return "something else reads the projections";
    if (!splitsHeads(k) || !splitsHeads(v)) return "keys or values are not [N, heads, T, D] of [N, T, heads D]";
    return loses(q, k, v, key.x) ?? { key, value };
  },
  rewrite: ({ root, q, k, v, key, value, bias }, b) => {
    const { x } = key;
    const [batch = 1, h = 1, n = 1] = q.type.shape;
    const [, tokens = 1, width = 1] = x.type.shape;
    const asked = b.matmul(q, perHead(b, key, k));
    const rows = mulDim(h, n);
    const scores = b.matmul(b.reshape(asked, { shape: [batch, rows, width] }), b.transpose(x, { perm: [0, 2, 1] }));
    const perQuery = b.reshape(scores, { shape: [batch, h, n, tokens] });
    const scaled = times(b, perQuery, root.attrs.scale);
    const weights = b.softmax(bias === undefined ? scaled : b.add(scaled, bias), { axis: -1 });
    const mixed = b.matmul(b.reshape(weights, { shape: [batch, rows, tokens] }), x);
    const columns = b.transpose(perHead(b, value, v), { perm: [0, 2, 1] });
    const out = b.matmul(b.reshape(mixed, { shape: [batch, h, n, width] }), columns);
    if (value.bias === undefined) return out;
    return b.add(out, b.reshape(taken(b, value.bias, value.range), { shape: [h, 1, v.type.shape[3] ?? 1] }));
  },
});

const times = (b: Builder, x: Value, factor: number): Value =>
  factor === 1 ? x : b.mul(x, b.constant({ values: [factor], dtype: x.type.dtype, shape: [] }));

/** The features from `start` to before `end` of a linear layer. */
interface Projection {
  readonly x: Value;
  readonly weight: Value;
  readonly bias: Value | undefined;
  readonly range: readonly [start: number, end: number];
}

/** What makes [N, T, O] of tokens: a linear layer, or a slice of the features of a packed one; or why it is neither. */
function projectionOf(tokens: Value): Projection | string {
  const cut = is(tokens, "slice") ? tokens : undefined;
  const linear = cut === undefined ? tokens : cut.operands[0];
  if (!is(linear, "linear")) return `keys or values come from ${linear?.op ?? "nothing"}, not from a projection`;
  const [x, weight, bias] = linear.operands;
  if (x === undefined || weight === undefined || x.type.shape.length !== 3) return "the tokens are not [N, T, C]";
  if (!weight.isWeight || bias?.isWeight === false) return "the projection's parameters are no weights";
  const [start = 0, end = 0] = cut?.attrs.range ?? [0, Number(weight.type.shape[0])];
  if ((cut !== undefined && (cut.attrs.axis !== 2 || cut.attrs.step !== 1)) || !isStatic(start) || !isStatic(end))
    return "the slice does not take features in a row";
  return { x, weight, bias, range: [start, end] };
}

/** Whether keys and values, and the projection that makes them, lose their last use with the attention. */
function areForAttention(graph: Graph, ...parts: readonly Value[]): boolean {
  const packed = parts.flatMap((part) => (is(part, "slice") ? [part.operands[0]] : []));
  const once = parts.every((part) => graph.useCount(part) === 1);
  return once && packed.every((x) => x !== undefined && graph.useCount(x) === packed.filter((y) => y === x).length);
}

/** Rows of [O, ...] that a projection takes. */
const taken = (b: Builder, rows: Value, range: readonly [number, number]): Value =>
  range[0] === 0 && range[1] === rows.type.shape[0] ? rows : b.slice(rows, { axis: 0, range });

/** [H D, C] as [H, D, C]. */
function perHead(b: Builder, { weight, range }: Projection, heads: Value): Value {
  const [, h = 1, , d = 1] = heads.type.shape;
  return b.reshape(taken(b, weight, range), { shape: [h, d, weight.type.shape[1] ?? 1] });
}

/** Whether [N, T, H D] becomes [N, H, T, D]. */
function splitsHeads({ attrs: { perm }, operands }: Value<"transpose">): boolean {
  const split = operands[0];
  const tokens = split?.operands[0];
  if (split === undefined || tokens === undefined || perm.join() !== "0,2,1,3" || tokens.type.shape.length !== 3)
    return false;
  return sameShape(split.type.shape.slice(0, 2), tokens.type.shape.slice(0, 2));
}

/**
 * Undefined where fewer are multiplied, else why not: keys, values, scores and sums before; queries and results by both
 * weights after.
 */
function loses(q: Value, k: Value, v: Value, x: Value): string | undefined {
  const sizes = [...q.type.shape.slice(1, 3), ...x.type.shape.slice(1), k.type.shape[3] ?? 1, v.type.shape[3] ?? 1];
  if (!sizes.every(isStatic)) return "sizes are not known";
  const [h = 1, n = 1, tokens = 1, width = 1, d = 1, e = 1] = sizes;
  const before = tokens * width * h * (d + e) + n * tokens * h * (d + e);
  const after = n * width * h * (d + e) + 2 * n * h * tokens * width;
  return after < before ? undefined : `${n} queries are too many: ${after} products instead of ${before}`;
}
