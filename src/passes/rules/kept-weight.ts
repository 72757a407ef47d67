/**
 * Weights that the file keeps as integers; the model turns them into floats when it runs:
 *
 *     f(x, W) ~ f(x, dequantize(round(W / s), s))
 *
 * No equality: what rounding loses is measured when the model is compiled. Eight bits have a scale for each output; four
 * bits one for every 32 numbers along the input, of kernels that are neither narrow (a first or depthwise convolution) nor
 * the last layer: these keep eight. Preconditions: a kernel of float32 with at least 1024 numbers, which is a weight as it is.
 * A linear map of rows [.., K] becomes a matrix product, of which runtimes have forms with integers.
 */
import type { Graph } from "../../ir/graph.ts";
import { count, isStaticType } from "../../ir/type.ts";
import { type Value, is } from "../../ir/value.ts";
import { eightBitWeight, fourBitWeight } from "../precision/weights.ts";
import { any, maybe, oneOf, op, weight } from "../pattern.ts";
import { type Rule, defineRule } from "../rule.ts";

/** Numbers that share a scale of four bits. */
const block = 32;
const least = 1024;

export const keptWeight = (bits: 4 | 8): Rule =>
  defineRule({
    name: "kept-weight",
    pattern: oneOf(
      op.conv(any("x"), weight("kernel"), maybe(any("bias"))),
      op.fused_conv(any("x"), weight("kernel"), maybe(any("bias"))),
      op.linear(any("x"), weight("kernel"), maybe(any("bias"))),
    ),
    where: ({ root, kernel }, graph) => {
      const { type } = kernel;
      if (is(kernel, "dequantize")) return "the weight is kept as integers already";
      if (type.dtype !== "f32" || !isStaticType(type)) return `the weight is ${type.dtype}`;
      if (count(type.shape) < least) return `the weight has fewer than ${least} numbers`;
      return { four: bits === 4 && takesFour(root, kernel, graph) };
    },
    rewrite: ({ root, x, kernel, bias, four }, b) => {
      const kept = (w: Value, input: number): Value =>
        four ? fourBitWeight(b, w, input, block) : eightBitWeight(b, w, 1 - input);
      if (is(root, "conv")) return b.conv(x, kept(kernel, 1), bias, root.attrs);
      if (is(root, "fused_conv")) return b.fused_conv(x, kept(kernel, 1), bias, root.operands[3], root.attrs);
      if (!four && x.type.shape.length === 2) return b.linear(x, kept(kernel, 1), bias);
      const product = b.matmul(x, kept(b.transpose(kernel, { perm: [1, 0] }), 0));
      return bias === undefined ? product : b.add(product, bias);
    },
  });

/** Of a layer that is not the last, and whose kernel has a whole block of inputs. */
const takesFour = (root: Value, { type: { shape } }: Value, graph: Graph): boolean =>
  Number(shape[1]) >= block && !graph.outputs.some(({ value }) => value === root);
