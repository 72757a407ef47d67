/**
 * A linear map of every position is a convolution of extent 1 with the channels in front. A perceptron of two layers over
 * tokens or pixels, with T the transpose that brings the last axis to axis 1,
 *
 *     W2 act(W1 x + b1) + b2 = T^-1( conv(act(conv(T(x), W1, b1)), W2, b2) )
 *
 * the same products in another order of summation. ONNX Runtime blocks the channels of convolutions and their
 * activations and multiplies faster there than in MatMul and Add: 0.89 to 0.98 of the time of the whole perceptron,
 * transposes included (bench/forms/pointwise-linear.ts). A transpose that meets its inverse goes away on top: convnext
 * permutes around every block, and then its residual addition joins the second convolution.
 * Preconditions: tokens [N, T, C] or pixels [N, H, W, C], no extent 0; static widths that fill whole blocks; an activation
 * that keeps the blocked layout, or widths that repay leaving it; all parameters are weights, and nothing else reads the
 * inside. A linear map alone gains less than its transposes cost.
 */
import { isStatic } from "../../ir/dim.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Attrs, Value } from "../../ir/value.ts";
import { any, bind, maybe, op, weight } from "../pattern.ts";
import { defineRule } from "../rule.ts";

/** Of the activations in perceptrons, those that ONNX Runtime computes on the blocked layout or within the convolution. */
const blocked: ReadonlySet<Attrs<"activation">["kind"]> = new Set(["gelu", "hard_swish", "quick_gelu", "relu", "silu"]);

/** From this width on the products gain more than going to the plain layout and back around another activation costs. */
const wide = 768;

/** The most channels that a block has on any processor. */
const block = 16;

const pointwise = { stride: [1, 1], padding: [0, 0, 0, 0], dilation: [1, 1] };

export const pointwiseLinear = defineRule({
  name: "pointwise-linear",
  pattern: op.linear(
    bind("act", op.activation(bind("first", op.linear(any("x"), weight("kernel1"), maybe(weight("bias1")))))),
    weight("kernel2"),
    maybe(weight("bias2")),
  ),
  where: ({ x, act, kernel1, kernel2 }) => {
    const rank = x.type.shape.length;
    if (x.type.shape.includes(0)) return "there are no positions";
    if (rank !== 3 && rank !== 4)
      return `rank ${rank}: only tokens [N, T, C] and pixels [N, H, W, C] have an image's layout`;
    const widths = [...kernel1.type.shape, ...kernel2.type.shape];
    if (!blocked.has(act.attrs.kind) && !widths.every((d) => isStatic(d) && d >= wide))
      return `${act.attrs.kind} leaves the blocked layout, which pays from a width of ${wide} on`;
    const odd = widths.find((d) => !isStatic(d) || d % block !== 0);
    return odd === undefined || `a width of ${String(odd)} does not fill blocks of ${block} channels`;
  },
  rewrite: ({ root, x, first, act, kernel1, bias1, kernel2, bias2 }, b, on) => {
    const a = on(first);
    const image = a.transpose(asPixels(a, x), { perm: [0, 3, 1, 2] });
    const inner = on(act).activation(a.conv(image, asKernel(a, kernel1), bias1, pointwise), act.attrs);
    const outer = b.conv(inner, asKernel(b, kernel2), bias2, pointwise);
    const pixels = b.transpose(outer, { perm: [0, 2, 3, 1] });
    return x.type.shape.length === 4 ? pixels : b.reshape(pixels, { shape: root.type.shape });
  },
});

/**
 * Tokens [N, T, C] are a column of pixels [N, T, 1, C]: ONNX Runtime divides a convolution among threads by rows and by
 * 64 channels, and one row of T pixels would leave threads without work. On one thread both take the same time.
 */
function asPixels(b: Builder, x: Value): Value {
  const [n, t, c] = x.type.shape;
  if (x.type.shape.length === 4 || n === undefined || t === undefined || c === undefined) return x;
  return b.reshape(x, { shape: [n, t, 1, c] });
}

/** A matrix [O, I] as the kernel [O, I, 1, 1]. */
const asKernel = (b: Builder, matrix: Value): Value => b.reshape(matrix, { shape: [...matrix.type.shape, 1, 1] });
