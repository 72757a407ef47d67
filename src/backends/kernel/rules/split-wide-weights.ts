/**
 * A projection whose weight is larger than what a kernel may be given at once is several, of some output channels each,
 *
 *     linear(x, W, b) = concat(linear(x, W1, b1), linear(x, W2, b2), ...)
 *
 * and the same for a convolution of one group; exact. The parts are written side by side in one result. vgg's first classifier has 392 MiB.
 */
import { isStatic } from "../../../ir/dim.ts";
import type { Builder } from "../../../ir/builder.ts";
import { type Value, is } from "../../../ir/value.ts";
import { any, maybe, op, oneOf, weight } from "../../../passes/pattern.ts";
import { defineRule } from "../../../passes/rule.ts";
import { mostBound } from "../bindings.ts";

/** Vectors of channels stay whole. */
const vector = 4;

export const splitWideWeights = defineRule({
  name: "kernel-split-wide-weights",
  pattern: oneOf(
    op.linear(any("x"), weight("kernel"), maybe(weight("bias"))),
    op.conv(any("x"), weight("kernel"), maybe(weight("bias"))),
  ),
  where: ({ root, kernel }) => {
    const [channels = 0, ...row] = kernel.type.shape;
    if (is(root, "conv") && root.attrs.groups !== 1) return "its groups are apart";
    if (!isStatic(channels) || !row.every(isStatic)) return "its extents are not static";
    const rowBytes = row.reduce((n, extent) => n * extent, 4);
    if (channels * rowBytes <= mostBound) return "it fits";
    const most = Math.floor(mostBound / rowBytes / vector) * vector;
    return most > 0 ? { channels, most } : "a row of it does not fit";
  },
  rewrite: ({ root, x, kernel, bias, channels, most }, b) => {
    const parts: Value[] = [];
    for (let from = 0; from < channels; from += most) {
      const range = [from, Math.min(from + most, channels)] as const;
      const rows = (w: Value): Value => b.slice(w, { axis: 0, range, step: 1 });
      parts.push(part(root, b, x, rows(kernel), bias && rows(bias)));
    }
    return b.concat(parts, { axis: is(root, "conv") ? 1 : root.type.shape.length - 1 });
  },
});

const part = (root: Value, b: Builder, x: Value, kernel: Value, bias: Value | undefined): Value =>
  is(root, "conv") ? b.conv(x, kernel, bias, root.attrs) : b.linear(x, kernel, bias);
