import { type Dim, mulDim, printDim, sameDim } from "../../ir/dim.ts";
import { TimmcError } from "../../ir/error.ts";
import type { Value } from "../../ir/value.ts";
import { conv2d } from "../layers/conv.ts";
import { batchNorm } from "../layers/norm.ts";
import { split } from "../layers/split.ts";
import type { Module, Scope } from "../scope.ts";
import { type AttentionPlace, headWidths, pool } from "./self-attention.ts";

interface LambdaOptions {
  /** Extent of the convolution that makes position lambdas; without it they are of all pairs of positions. */
  readonly radius?: number;
}

const heads = 4;
const keyWidth = 16;

/**
 * Lambda layers (Bello 2021, arXiv:2102.08602, section 3): keys and values are summed up in a small matrix for all
 * positions and one for each, which queries multiply.
 */
export const lambdaLayer =
  ({ radius }: LambdaOptions) =>
  ({ channels, stride, size }: AttentionPlace): Module =>
  (s, x) => {
    const [n = 1, , h = 1, w = 1] = x.type.shape;
    const { value } = headWidths(channels, { heads, dimHead: keyWidth });
    const length = mulDim(h, w);
    const packed = s.call("qkv", conv2d(heads * keyWidth + keyWidth + value), x);
    const [q, k, v] = split(s, packed, [heads * keyWidth, keyWidth, value], 1);
    const queries = s.transpose(s.reshape(s.call("norm_q", batchNorm(), q), { shape: [n, heads, keyWidth, length] }), {
      perm: [0, 3, 1, 2],
    });
    const values = s.call("norm_v", batchNorm(), v);
    const tokens = s.transpose(s.reshape(values, { shape: [n, value, length] }), { perm: [0, 2, 1] });
    const keys = s.softmax(s.reshape(k, { shape: [n, keyWidth, length] }), { axis: -1 });
    const content = s.reshape(s.matmul(keys, tokens), { shape: [n, 1, keyWidth, value] });
    const position = radius === undefined ? pairLambdas(s, tokens, [h, w], size) : convLambdas(s, values, radius);
    const out = s.add(s.matmul(queries, content), s.matmul(queries, position));
    const map = s.reshape(s.transpose(out, { perm: [0, 2, 3, 1] }), { shape: [n, channels, h, w] });
    return s.chain(map, { pool: pool(stride) });
  };

/** [N, positions, keys, values] by a convolution over the map of each value alone (timm's has a third axis of extent 1). */
function convLambdas(s: Scope, values: Value, radius: number): Value {
  const [n = 1, c = 1, h = 1, w = 1] = values.type.shape;
  const single = s.reshape(values, { shape: [mulDim(n, c), 1, h, w] });
  const half = Math.floor(radius / 2);
  const lambdas = s.call(
    "conv_lambda",
    (t, y) => {
      const weight = t.param("weight", [keyWidth, 1, radius, radius, 1]);
      return t.conv(y, t.reshape(weight, { shape: [keyWidth, 1, radius, radius] }), t.param("bias", [keyWidth]), {
        stride: [1, 1],
        dilation: [1, 1],
        padding: [half, half, half, half],
      });
    },
    single,
  );
  const byPosition = s.reshape(lambdas, { shape: [n, c, keyWidth, mulDim(h, w)] });
  return s.transpose(byPosition, { perm: [0, 3, 2, 1] });
}

/** The same from learned embeddings of the step between every two positions, for a map of one size. */
function pairLambdas(s: Scope, tokens: Value, [h, w]: readonly [Dim, Dim], size: AttentionPlace["size"]): Value {
  const [n = 1, , c = 1] = tokens.type.shape;
  if (size === undefined || !sameDim(h, size[0]) || !sameDim(w, size[1]))
    throw new TimmcError(
      "unsupported",
      `lambdas of relative positions are made for one size of the map, not for ${printDim(h)}x${printDim(w)}`,
    );
  const [rows, columns] = size;
  const length = rows * columns;
  const table = s.param("pos_emb", [2 * rows - 1, 2 * columns - 1, keyWidth]);
  const index = s.shared(`lambda position index ${rows}x${columns}`, () => {
    const int = (value: number): Value => s.scalar(value, "i64");
    const from = s.iota({ axis: 0, shape: [length, 1] });
    const to = s.iota({ axis: 1, shape: [1, length] });
    const down = s.sub(s.floor_div(to, int(columns)), s.floor_div(from, int(columns)));
    const right = s.sub(s.mod(to, int(columns)), s.mod(from, int(columns)));
    return s.add(s.mul(s.add(down, int(rows - 1)), int(2 * columns - 1)), s.add(right, int(columns - 1)));
  });
  const flat = s.reshape(table, { shape: [(2 * rows - 1) * (2 * columns - 1), keyWidth] });
  const pairs = s.transpose(s.gather(flat, index, { axis: 0 }), { perm: [0, 2, 1] });
  const lambdas = s.matmul(s.reshape(pairs, { shape: [length * keyWidth, length] }), tokens);
  return s.reshape(lambdas, { shape: [n, length, keyWidth, c] });
}
