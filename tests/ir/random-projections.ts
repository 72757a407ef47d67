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

export const projections: readonly Block[] = [scaled, normalizedResponse, perceptron];
export const movements: readonly Block[] = [pooled, permuted];
