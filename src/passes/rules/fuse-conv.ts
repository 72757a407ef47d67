/**
 * A convolution takes what follows it along: with z of the same type,
 *
 *     act(conv(x, W, b) + z) = fused_conv(x, W, b, z) {act}
 *
 * and the same without z or without act. Exact. Preconditions: the convolution, and the sum, have no other use, and the
 * target takes the activation. It saves passes over the map where the target does not fuse by itself; ONNX Runtime does,
 * and gains nodes alone: half of those of a ResNet (bench/forms/conv.ts).
 */
import type { ActivationKind } from "../../ir/ops/activation.ts";
import { sameType } from "../../ir/type.ts";
import type { Value } from "../../ir/value.ts";
import { any, bind, maybe, op } from "../pattern.ts";
import { type Rule, defineRule } from "../rule.ts";

/** Whether a target has a fused form of a convolution, with an activation or without: true, or the reason. */
export type TakesActivation = (conv: Value, kind: ActivationKind | "identity") => true | string;

/** The rules that fuse sums and activations into convolutions, in the order that they apply. */
export const fuseConv = (takes: TakesActivation): readonly Rule[] => [
  defineRule({
    name: "fuse-conv-sum",
    pattern: op.add(bind("conv", op.conv(any("x"), any("weight"), maybe(any("bias")))), any("addend")),
    where: ({ conv, addend }) =>
      sameType(conv.type, addend.type) ? takes(conv, "identity") : "the addend is no map of the same type",
    origin: ({ conv }) => conv,
    rewrite: ({ conv, x, weight, bias, addend }, b) =>
      b.fused_conv(x, weight, bias, addend, { ...conv.attrs, kind: "identity" }),
  }),
  defineRule({
    name: "fuse-conv-activation",
    pattern: op.activation(bind("conv", op.conv(any("x"), any("weight"), maybe(any("bias"))))),
    where: ({ root, conv }) => takes(conv, root.attrs.kind),
    origin: ({ conv }) => conv,
    rewrite: ({ root, conv, x, weight, bias }, b) =>
      b.fused_conv(x, weight, bias, undefined, { ...conv.attrs, ...root.attrs }),
  }),
  defineRule({
    name: "fuse-sum-activation",
    pattern: op.activation(
      bind("conv", op.fused_conv(any("x"), any("weight"), maybe(any("bias")), maybe(any("addend")))),
    ),
    where: ({ root, conv }) =>
      conv.attrs.kind === "identity" ? takes(conv, root.attrs.kind) : "the convolution has an activation already",
    origin: ({ conv }) => conv,
    rewrite: ({ root, conv, x, weight, bias, addend }, b) =>
      b.fused_conv(x, weight, bias, addend, { ...conv.attrs, ...root.attrs }),
  }),
];
