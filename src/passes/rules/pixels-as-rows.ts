/**
 * A perceptron over pixels is two linear maps of rows, with T the transpose that brings the channels to the front:
 *
 *     conv(act(conv(T(x), W1, b1)), W2, b2) = T( W2 act(W1 x + b1) + b2 )      kernels of extent 1
 *
 * the same products: the inverse of pointwise-linear. Integers are multiplied by matrices as fast as by convolutions, and a
 * matrix product alone gives floats, which an activation that integers have no form for reads: no rounding before it.
 * Preconditions: pixels [N, H, W, C] transposed; such an activation; all parameters are weights, one group, stride 1, no
 * padding; nothing else reads the inside.
 */
import type { Builder } from "../../ir/builder.ts";
import { isStatic } from "../../ir/dim.ts";
import type { Attrs, Value } from "../../ir/value.ts";
import { any, bind, maybe, op, shared, weight } from "../pattern.ts";
import { type Rule, defineRule } from "../rule.ts";

export const pixelsAsRows = (hasIntegers: (kind: Attrs<"activation">["kind"]) => boolean): Rule =>
  defineRule({
    name: "pixels-as-rows",
    pattern: op.conv(
      bind(
        "act",
        op.activation(
          bind(
            "first",
            op.conv(bind("pixels", shared(op.transpose(any("x")))), weight("kernel1"), maybe(weight("bias1"))),
          ),
        ),
      ),
      weight("kernel2"),
      maybe(weight("bias2")),
    ),
    where: ({ root, act, first, pixels, kernel1, kernel2 }) => {
      if (pixels.attrs.perm.join() !== "0,3,1,2")
        return `[${pixels.attrs.perm.join()}] does not bring the channels to the front`;
      if (hasIntegers(act.attrs.kind)) return `${act.attrs.kind} has a form of integers`;
      return isPointwise(first, kernel1) && isPointwise(root, kernel2) ? true : "a window is larger than a pixel";
    },
    rewrite: ({ x, first, act, kernel1, bias1, kernel2, bias2 }, b, on) => {
      const inner = on(act).activation(on(first).linear(x, matrix(on(first), kernel1), bias1), act.attrs);
      return b.transpose(b.linear(inner, matrix(b, kernel2), bias2), { perm: [0, 3, 1, 2] });
    },
  });

function isPointwise({ attrs: { stride, padding, groups } }: Value<"conv">, kernel: Value): boolean {
  const window = kernel.type.shape.slice(2);
  return groups === 1 && [...stride, ...window].every((n) => n === 1) && padding.every((p) => p === 0);
}

const matrix = (b: Builder, kernel: Value): Value =>
  b.reshape(kernel, { shape: kernel.type.shape.slice(0, 2).filter(isStatic) });
