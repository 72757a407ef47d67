// A stage's features as a map over the picture: one number for each position, from all channels.

/** @typedef {{ readonly dims: readonly number[], readonly data: ArrayLike<number> }} Tensor */

/** @type {Readonly<Record<string, { readonly text: string, readonly of: (channels: readonly number[]) => number }>>} */
export const ways = {
  norm: { text: "length as a vector", of: (channels) => Math.hypot(...channels) },
  mean: { text: "mean", of: (channels) => channels.reduce((a, b) => a + b, 0) / channels.length },
  largest: { text: "largest", of: (channels) => Math.max(...channels) },
};

/**
 * @param {Tensor} tensor of one picture: N C H W, or with `format` NHWC the channels last
 * @param {string} format
 * @param {string} way
 */
export function heatOf({ dims, data }, format, way) {
  const [, a = 1, b = 1, c = 1] = dims;
  const [count, height, width] = format === "NHWC" ? [c, a, b] : [a, b, c];
  const area = height * width;
  const element = (/** @type {number} */ at, /** @type {number} */ k) =>
    data[format === "NHWC" ? at * count + k : k * area + at] ?? 0;
  const values = Array.from(
    { length: area },
    (_, at) => ways[way]?.of(Array.from({ length: count }, (_, k) => element(at, k))) ?? 0,
  );
  return { height, width, values, least: Math.min(...values), most: Math.max(...values) };
}
