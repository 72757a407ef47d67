/**
 * A projection whose weight is larger than what a kernel may be given at once is several, of some output channels each,
 *
 *     linear(x, W, b) = concat(linear(x, W1, b1), linear(x, W2, b2), ...)
 *
 * and the same for a convolution, of which a part has whole groups and their channels of x; exact. The parts are written side by side in
 * one result. vgg's first classifier has 392 MiB, a convolution of regnety_2560 134 MiB.
 */
import { isStatic } from "../../../ir/dim.ts";
import type { Builder } from "../../../ir/builder.ts";
import { type Value, is } from "../../../ir/value.ts";
import { any, maybe, op, oneOf, weight } from "../../../passes/pattern.ts";
import { type Rule, defineRule } from "../../../passes/rule.ts";

/** Vectors of channels stay whole. */
const vector = 4;

/** For devices that bind at most so many bytes. */
export const splitWideWeights = (bytes: number): Rule =>
  defineRule({
    name: "kernel-split-wide-weights",
    pattern: oneOf(
      op.linear(any("x"), weight("kernel"), maybe(weight("bias"))),
      op.conv(any("x"), weight("kernel"), maybe(weight("bias"))),
    ),
    where: ({ root, kernel }) => {
      const [channels = 0, ...row] = kernel.type.shape;
      if (!isStatic(channels) || !row.every(isStatic)) return "its extents are not static";
      const rowBytes = row.reduce((n, extent) => n * extent, 4);
      if (channels * rowBytes <= bytes) return "it fits";
      const groups = is(root, "conv") ? root.attrs.groups : 1;
      const unit = groups === 1 ? vector : channels / groups;
      const most = Math.floor(bytes / rowBytes / unit) * unit;
      return most > 0 ? { channels, most } : "a row of it does not fit";
    },
    rewrite: ({ root, x, kernel, bias, channels, most }, b) => {
      const parts: Value[] = [];
      for (let from = 0; from < channels; from += most) {
        const range = [from, Math.min(from + most, channels)] as const;
        const rows = (w: Value): Value => b.slice(w, { axis: 0, range, step: 1 });
        parts.push(part(root, b, x, range, rows(kernel), bias && rows(bias)));
      }
      return b.concat(parts, { axis: is(root, "conv") ? 1 : root.type.shape.length - 1 });
    },
  });

/** The output channels of a range. */
function part(
  root: Value,
  b: Builder,
  x: Value,
  [from, to]: readonly [number, number],
  kernel: Value,
  bias: Value | undefined,
): Value {
  if (!is(root, "conv")) return b.linear(x, kernel, bias);
  const { groups } = root.attrs;
  if (groups === 1) return b.conv(x, kernel, bias, root.attrs);
  const [channels, depth] = [root.type.shape[1] as number, kernel.type.shape[1] as number];
  const group = (channel: number): number => (channel * groups) / channels;
  const range = [group(from) * depth, group(to) * depth] as const;
  const own = b.slice(x, { axis: 1, range, step: 1 });
  return b.conv(own, kernel, bias, { ...root.attrs, groups: group(to) - group(from) });
}
