import type { Builder } from "../../src/ir/builder.ts";
import type { Value } from "../../src/ir/value.ts";

/** Projections of random graphs with what models put around them; `n` picks among the forms. */
type Block = (b: Builder, x: Value, n: number) => Value;

const weight = (b: Builder, key: string, shape: readonly number[]): Value => b.param({ key, shape });

/** Three rows of as many numbers as wanted, whatever the last two axes of x were. */
const spread = (b: Builder, x: Value, width: number): Value =>
  b.mul(b.reduce_mean(x, { axes: [-1, -2], keep: true }), weight(b, `spread.${width}`, [3, width]));

/** A convolution of [N, 4, H, W] or a linear map of [..., 6], scaled by channel or as a whole. */
const scaled: Block = (b, x, n) => {
  const bias = (width: number): Value | undefined => (n % 2 === 0 ? weight(b, `scaled.b${width}`, [width]) : undefined);
  const gain = (shape: readonly number[]): Value => weight(b, `gain.${shape.join(".")}`, shape);
  const last = x.type.shape.at(-1) === 6;
  const geometry = { stride: [1, 1], padding: [1, 0, 1, 0], dilation: [1, 1], groups: 2 };
  const made = last
    ? b.linear(x, weight(b, "scaled.l", [5, 6]), bias(5))
    : b.conv(x, weight(b, "scaled.c", [4, 2, 3, 1]), bias(4), geometry);
  return b.mul(made, gain([last ? [5] : [4, 1, 1], [], [1]][(n >> 1) % 3] ?? []));
};

/** Two linear maps with an activation between; rank 3 and 4 are tokens and pixels. */
const perceptron: Block = (b, x, n) => {
  const wide = spread(b, x, 16);
  const kind = (["gelu", "silu", "relu", "mish"] as const)[n % 4] ?? "gelu";
  const hidden = b.activation(b.linear(wide, weight(b, "perceptron.1", [32, 16]), weight(b, "perceptron.b", [32])), {
    kind,
  });
  return b.linear(hidden, weight(b, "perceptron.2", [16, 32]), undefined);
};

/** The response normalisation of convnextv2 over a map of six channels, and what reads it. */
const normalizedResponse: Block = (b, x, n) => {
  const map = spread(b, x, 6);
  const gate = b.reduce_max(map, { axes: [map.type.shape.length - 2], keep: true });
  const response = b.mul(weight(b, "response.w", [6]), b.mul(map, gate));
  const sum = b.add(map, b.add(weight(b, "response.b", [6]), response));
  return b.linear(sum, weight(b, "response.l", [5, 6]), n % 2 === 0 ? weight(b, "response.lb", [5]) : undefined);
};

/** The mean of a small image. */
const pooled: Block = (b, x, n) =>
  b.reduce_mean(b.resize(x, { axes: [2, 3], size: [3, 2], mode: "nearest" }), { axes: [2, 3], keep: n % 2 === 0 });

/** Channels to the end and back, around something or around nothing. */
const permuted: Block = (b, x, n) => {
  const rank = x.type.shape.length;
  const axes = x.type.shape.map((_, axis) => axis);
  const last = b.transpose(x, { perm: axes.map((axis) => (axis === 0 ? 0 : (axis % (rank - 1)) + 1)) });
  const inner = n % 2 === 0 ? b.abs(last) : last;
  return b.transpose(inner, { perm: axes.map((axis) => (axis < 2 ? axis * (rank - 1) : axis - 1)) });
};

/** What a factor or summand of [batch, ...] needs of x to depend on every element of it. */
function meanOf(b: Builder, x: Value, rank: number): Value {
  const [batch = 1, ...rest] = x.type.shape;
  const mean = b.reduce_mean(x, { axes: rest.map((_, i) => i + 1) });
  return b.reshape(mean, { shape: [batch, ...Array.from({ length: rank - 1 }, () => 1)] });
}

/** Tokens [batch, 4, 6] as heads [batch, 2, 4, 3], and back. */
const split = (b: Builder, rows: Value): Value =>
  b.transpose(b.reshape(rows, { shape: [...rows.type.shape.slice(0, 2), 2, 3] }), { perm: [0, 2, 1, 3] });
const merge = (b: Builder, heads: Value): Value =>
  b.reshape(b.transpose(heads, { perm: [0, 2, 1, 3] }), { shape: [heads.type.shape[0] ?? 1, 4, 6] });

/** Attention of two heads: queries, keys and values of one projection. */
const packedHeads: Block = (b, x, n) => {
  const tokens = b.add(meanOf(b, x, 3), weight(b, "tokens", [1, 4, 6]));
  const packed = b.linear(tokens, weight(b, "qkv6", [18, 6]), n % 2 === 0 ? weight(b, "qkv6.bias", [18]) : undefined);
  const [q = x, k = x, v = x] = [0, 6, 12].map((at) => split(b, b.slice(packed, { axis: 2, range: [at, at + 6] })));
  return merge(b, b.attention(q, k, v, undefined, { scale: 0.5 }));
};

/** Attention of one query that is learnt: keys and values of one projection or of two. */
const latentQuery: Block = (b, x, n) => {
  const tokens = b.add(meanOf(b, x, 3), weight(b, "tokens", [1, 4, 6]));
  const query = b.mul(meanOf(b, x, 4), weight(b, "latent", [1, 2, 1, 3]));
  const bias = (key: string, width: number): Value | undefined => (n % 2 === 0 ? weight(b, key, [width]) : undefined);
  const packed = b.linear(tokens, weight(b, "kv", [12, 6]), bias("kv.bias", 12));
  const [k = x, v = x] =
    n % 3 === 0
      ? [0, 6].map((at) => b.slice(packed, { axis: 2, range: [at, at + 6] }))
      : ["k", "v"].map((key) => b.linear(tokens, weight(b, key, [6, 6]), bias(`${key}.bias`, 6)));
  return b.attention(query, split(b, k), split(b, v), undefined, { scale: 0.5 });
};

const same = { stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1] };
const point = { ...same, padding: [0, 0, 0, 0] };

/** A small picture [batch, 4, 3, 3]. */
const picture = (b: Builder, x: Value): Value => b.mul(meanOf(b, x, 4), weight(b, "picture", [4, 3, 3]));

/** Mixed convolutions of a small picture, and the norm of what they make. */
const mixedConvs: Block = (b, x, n) => {
  const map = picture(b, x);
  const [small, large] = [
    b.conv(map, weight(b, "mixed.1", [4, 4, 1, 1]), n % 2 === 0 ? weight(b, "mixed.b", [4]) : undefined, point),
    b.conv(map, weight(b, "mixed.3", [2, 4, 3, 3]), undefined, same),
  ];
  return batchNorm(b, b.concat([small, large], { axis: 1 }), "mixed.bn");
};

/** A convolution with a sum and an activation behind it. */
const residual: Block = (b, x, n) => {
  const map = picture(b, x);
  const sum = b.add(map, b.conv(map, weight(b, "residual", [4, 4, 3, 3]), undefined, same));
  return b.activation(sum, { kind: (["relu", "hard_swish", "silu"] as const)[n % 3] ?? "relu" });
};

/** The variance is a square: numbers of parameters have both signs. */
export function batchNorm(b: Builder, x: Value, key: string): Value {
  const vector = (name: string): Value => weight(b, `${key}.${name}`, [Number(x.type.shape[1])]);
  const root = vector("root");
  return b.batch_norm(x, vector("weight"), vector("bias"), vector("mean"), b.mul(root, root), { eps: 0.01 });
}

export const projections: readonly Block[] = [
  scaled,
  normalizedResponse,
  perceptron,
  packedHeads,
  latentQuery,
  mixedConvs,
  residual,
];
export const movements: readonly Block[] = [pooled, permuted];
